//! Aggregates that keep less than their rows.
//!
//! Owns: handing rows and states over, group by group.
//! Does not own: what is kept (`functions::aggregate`), aggregates that need their rows (`gathered`).
//! Invariant: a row is taken in once, or the state that took it in is.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::expr::fault;
use crate::athena::analyze::typed::Aggregate;
use crate::athena::error::AthenaError;
use crate::athena::eval::{Column, Session};
use crate::athena::functions::aggregate::{Groups, States, Way, find, value_types};
use crate::athena::functions::scalar::Call;
use crate::athena::types::Type;

/// The states of all groups.
pub(super) struct Kept {
    call: Arc<Aggregate>,
    session: Arc<Session>,
    types: Vec<Type>,
    states: Box<dyn States>,
}

impl Kept {
    pub(super) fn new(call: Arc<Aggregate>, session: Arc<Session>, states: Box<dyn States>) -> Self {
        let types = value_types(&call);
        Self { call, session, types, states }
    }

    fn of<'c>(call: &'c Aggregate, types: &'c [Type], session: &'c Session, arguments: &'c [Column], rows: usize) -> Call<'c> {
        Call { name: call.name, arguments, types, lambdas: &[], returns: &call.returns, rows, session }
    }

    fn first(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.states.len(),
            EmitTo::First(count) => count,
        }
    }
}

impl GroupsAccumulator for Kept {
    fn update_batch(&mut self, values: &[ArrayRef], of: &[usize], chosen: Option<&BooleanArray>, count: usize) -> Result<()> {
        let arguments: Vec<Column> = values.iter().cloned().map(Column::new).collect();
        let call = Self::of(&self.call, &self.types, &self.session, &arguments, of.len());
        self.states.add(&call, &Groups { of, chosen, count }).map_err(fault)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let first = self.first(emit_to);
        self.states.finish(first, &Self::of(&self.call, &self.types, &self.session, &[], 0)).map_err(fault)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let first = self.first(emit_to);
        Ok(vec![Arc::new(self.states.written(first))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], of: &[usize], count: usize) -> Result<()> {
        let written = states.first().and_then(|states| states.as_binary_opt::<i32>());
        let written = written.ok_or_else(|| fault(AthenaError::internal(&"states lie in memory as something else")))?;
        self.states.merge(written, &Groups { of, chosen: None, count }).map_err(fault)
    }

    fn convert_to_state(&self, values: &[ArrayRef], chosen: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |values| values.len());
        let Some(Way::States(states)) = find(self.call.name, &self.types, &self.call.returns) else { return Ok(Vec::new()) };
        let mut each = Self::new(Arc::clone(&self.call), Arc::clone(&self.session), states());
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), chosen, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.states.bytes()
    }
}
