//! Joins.
//!
//! Owns: which condition a join looks rows up by.
//! Does not own: how DataFusion joins, UNNEST (`unnest`).
//! Invariant: a row of the left side of an outer join is never lost.

use datafusion::common::JoinType;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::expr::join_key;
use super::{Lowering, Wanted};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{Kind, Typed};
use crate::athena::ast::JoinKind;

impl Lowering<'_> {
    pub(super) fn join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: Plan,
        on: Option<Typed>,
        wanted: &Wanted,
    ) -> Result<LogicalPlan> {
        let mut below = wanted.clone();
        below.extend(on.iter().flat_map(Typed::columns));
        let (left, right) = (self.plan(left, &below)?, self.plan(right, &below)?);
        let joined = LogicalPlanBuilder::from(left);
        let joined = match (kind, on) {
            (JoinKind::Cross, None) | (JoinKind::Inner, None) => joined.cross_join(right)?,
            (kind, on) => {
                let join_type = match kind {
                    JoinKind::Cross | JoinKind::Inner => JoinType::Inner,
                    JoinKind::Left => JoinType::Left,
                    JoinKind::Right => JoinType::Right,
                    JoinKind::Full => JoinType::Full,
                };
                joined.join_on(right, join_type, self.on(on.as_ref())?)?
            }
        };
        self.project(joined.build()?, wanted, Vec::new())
    }

    /// The terms of a condition, equalities in the form that rows are looked up by.
    fn on(&self, on: Option<&Typed>) -> Result<Vec<Expr>> {
        let terms: &[Typed] = match on {
            None => &[],
            Some(Typed { kind: Kind::And(terms), .. }) => terms,
            Some(one) => std::slice::from_ref(one),
        };
        let mut all = Vec::new();
        for term in terms {
            all.push(match join_key(term, &self.session)? {
                Some(key) => key,
                None => self.expr(term)?,
            });
        }
        Ok(all)
    }
}
