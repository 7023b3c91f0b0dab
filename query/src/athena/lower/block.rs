//! Steps of our own within DataFusion's plans.
//!
//! Owns: the logical and the physical node of a step that DataFusion does not know, and the way from one to the other.
//! Does not own: what a step does with its rows (`unnest`, `window::Windows`).
//! Invariant: a step sees every row of its input once, in the order and the grouping that it asks for.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session as EngineSession;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, LexRequirement, OrderingRequirements, Partitioning, PhysicalExpr, PhysicalSortExpr,
    PhysicalSortRequirement,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements, PlanProperties,
    SendableRecordBatchStream,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::numbered::Numbered;
use super::ordered::Ordered;
use super::unnest::Unnest;
use super::window::Windows;

/// A step.
#[derive(Debug)]
pub(super) enum Step {
    Unnest(Unnest),
    Windows(Windows),
    Numbered(Numbered),
    Ordered(Ordered),
}

/// The logical node.
#[derive(Debug, Clone)]
struct Node {
    input: LogicalPlan,
    schema: DFSchemaRef,
    step: Arc<Step>,
}

/// A step over a relation; its columns afterwards are those of `schema`.
pub(super) fn step(input: LogicalPlan, schema: Schema, step: Step) -> Result<LogicalPlan> {
    let schema = Arc::new(DFSchema::try_from(schema)?);
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(Node { input, schema, step: Arc::new(step) }) }))
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Unnest(_) => "Unnest",
            Self::Windows(_) => "Window",
            Self::Numbered(_) => "Number",
            Self::Ordered(_) => "Order",
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.step, &other.step) && self.input == other.input
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for Node {
    fn name(&self) -> &str {
        self.step.name()
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.name())
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.pop().unwrap_or_else(|| self.input.clone());
        Ok(Self { input, schema: Arc::clone(&self.schema), step: Arc::clone(&self.step) })
    }
}

/// Plans statements whose plans hold steps of ours.
#[derive(Debug, Default)]
pub(crate) struct Planner;

#[async_trait]
impl datafusion::execution::context::QueryPlanner for Planner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn EngineSession) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Steps)]);
        planner.create_physical_plan(plan, session).await
    }
}

struct Steps;

#[async_trait]
impl ExtensionPlanner for Steps {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn EngineSession,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<Node>(), inputs) else { return Ok(None) };
        let schema = Arc::clone(node.schema.inner());
        Ok(Some(Arc::new(Running::new(Arc::clone(input), schema, Arc::clone(&node.step)))))
    }
}

/// The physical node.
#[derive(Debug)]
struct Running {
    input: Arc<dyn ExecutionPlan>,
    step: Arc<Step>,
    properties: Arc<PlanProperties>,
}

impl Running {
    fn new(input: Arc<dyn ExecutionPlan>, schema: SchemaRef, step: Arc<Step>) -> Self {
        let partitions = input.properties().partitioning.partition_count();
        let order = match &*step {
            Step::Ordered(ordered) => LexOrdering::new(ordered.sort_names().into_iter().filter_map(|(name, options)| {
                let column = Column::new(&name, schema.index_of(&name).ok()?);
                Some(PhysicalSortExpr::new(Arc::new(column), options))
            })),
            _ => None,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, order),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, step, properties: Arc::new(properties) }
    }

    fn column(&self, name: &str) -> Option<Arc<dyn PhysicalExpr>> {
        let at = self.input.schema().index_of(name).ok()?;
        Some(Arc::new(Column::new(name, at)))
    }
}

impl DisplayAs for Running {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Exec", self.step.name())
    }
}

impl ExecutionPlan for Running {
    fn name(&self) -> &str {
        self.step.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let distribution = match &*self.step {
            Step::Unnest(_) | Step::Numbered(_) => Distribution::UnspecifiedDistribution,
            Step::Ordered(_) => Distribution::SinglePartition,
            Step::Windows(windows) => match windows.partition_names() {
                names if names.is_empty() => Distribution::SinglePartition,
                names => Distribution::KeyPartitioned(names.iter().filter_map(|name| self.column(name)).collect()),
            },
        };
        InputDistributionRequirements::new(vec![distribution])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let names = match &*self.step {
            Step::Windows(windows) => windows.sort_names(),
            Step::Ordered(ordered) => ordered.sort_names(),
            Step::Unnest(_) | Step::Numbered(_) => return vec![None],
        };
        let by = names
            .into_iter()
            .filter_map(|(name, options)| Some(PhysicalSortRequirement::new(self.column(&name)?, Some(options))));
        vec![LexRequirement::new(by).map(OrderingRequirements::new)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![matches!(&*self.step, Step::Ordered(_))]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self::new(input, self.schema(), Arc::clone(&self.step))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        match &*self.step {
            Step::Unnest(_) => Ok(super::unnest::unnested(input, self.schema(), Arc::clone(&self.step))),
            Step::Numbered(numbered) => Ok(numbered.stream(input, self.schema(), partition)),
            Step::Ordered(_) => Ok(super::ordered::checked(input, self.schema(), Arc::clone(&self.step))),
            Step::Windows(_) => Ok(super::window::windowed(input, self.schema(), Arc::clone(&self.step), &context)),
        }
    }
}
