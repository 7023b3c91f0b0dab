//! Joins that can be stopped.
//!
//! Owns: an optimizer rule that makes every join yield to the runtime now and then.
//! Does not own: who stops a statement, and why (`prompt`, `cli`): dropping its result does.
//! Invariant: plans give the same rows; DataFusion itself yields where data is read, but one batch read may make a
//! cross join produce billions of rows, and meanwhile no Ctrl-C would be seen.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Wraps every join so that it takes part in cooperative scheduling.
#[derive(Debug)]
pub(crate) struct InterruptibleJoins;

impl PhysicalOptimizerRule for InterruptibleJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let wrapped = plan.transform_up(|node| {
            let join = node.name().ends_with("JoinExec");
            Ok(if join { Transformed::yes(Arc::new(CooperativeExec::new(node)) as _) } else { Transformed::no(node) })
        });
        Ok(wrapped?.data)
    }

    fn name(&self) -> &str {
        "InterruptibleJoins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
