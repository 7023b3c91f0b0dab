//! Elements that equal a value.
//!
//! Owns: `contains`, `array_position`, `array_remove`, and how a key is found in a map.
//! Does not own: what equals what (`eval::compare`).
//! Invariant: NaN is found nowhere; in an array, a value whose equality a NULL within leaves open is a fault.

use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, AsArray as _};

use super::super::lists::Lists;
use super::super::{Bytes, Call, Result, Text};
use crate::athena::ast::Comparison;
use crate::athena::error::AthenaError;
use crate::athena::eval::Column;
use crate::athena::eval::compare::{Keys, compare, equal};
use crate::athena::types::Type;
use crate::athena::values::address;

/// Values that are looked for among elements, one for each row.
pub(crate) struct Search<'a> {
    /// The function to which equality that a NULL leaves open is a fault; to others it is none.
    strict: Option<&'a str>,
    ty: &'a Type,
    elements: &'a ArrayRef,
    wanted: &'a Column,
    /// `None` where only a look inside tells.
    by_key: Option<ByKey>,
}

/// Values that are equal where their keys are.
struct ByKey {
    elements: Keys,
    wanted: Keys,
    /// Whether each wanted value equals itself, as NaN does not.
    equal_themselves: ArrayRef,
    /// Of elements that all rows share: their places in the order of their keys.
    sorted: Option<Vec<usize>>,
}

impl ByKey {
    fn new(ty: &Type, elements: &ArrayRef, shared: bool, wanted: &Column) -> Result<Self> {
        let (keys, wanted_keys) = Keys::of_two(ty, elements, wanted.values())?;
        let once = Column::new(wanted.values().clone());
        let equal_themselves = compare(Comparison::Equal, ty, &once, &once)?;
        let sorted = (shared && wanted.rows() > 1).then(|| {
            let mut places: Vec<usize> = (0..elements.len()).collect();
            places.sort_by(|a, b| keys.row(*a).cmp(&keys.row(*b)));
            places
        });
        Ok(Self { elements: keys, wanted: wanted_keys, equal_themselves, sorted })
    }
}

impl<'a> Search<'a> {
    /// `shared`: every row has all the elements.
    pub(crate) fn new(
        strict: Option<&'a str>,
        ty: &'a Type,
        elements: &'a ArrayRef,
        shared: bool,
        wanted: &'a Column,
    ) -> Result<Self> {
        let is_nested = matches!(ty, Type::Array(_) | Type::Map(..) | Type::Row(_));
        let by_key = if is_nested { None } else { Some(ByKey::new(ty, elements, shared, wanted)?) };
        Ok(Self { strict, ty, elements, wanted, by_key })
    }

    /// Whether the element of a place is what a row, whose wanted value is not NULL, wants.
    fn is(&self, row: usize, place: usize) -> Result<bool> {
        if self.elements.is_null(place) {
            return Ok(false);
        }
        let at = self.wanted.at(row);
        if let Some(keys) = &self.by_key {
            return Ok(keys.equal_themselves.as_boolean().value(at) && keys.elements.row(place) == keys.wanted.row(at));
        }
        match (equal(self.ty, (self.elements, place), (self.wanted.values(), at))?, self.strict) {
            (Some(equal), _) => Ok(equal),
            (None, None) => Ok(false),
            (None, Some(name)) => {
                let what = format!("{name} does not support arrays with elements that are null or contain null");
                Err(AthenaError::not_supported(what))
            }
        }
    }

    /// The first of these places that has what a row wants.
    pub(crate) fn first(&self, row: usize, mut among: Range<usize>) -> Result<Option<usize>> {
        if let Some(ByKey { elements, wanted, sorted: Some(sorted), .. }) = &self.by_key {
            let wanted = wanted.row(self.wanted.at(row));
            let candidate = sorted.get(sorted.partition_point(|place| elements.row(*place) < wanted)).copied();
            let found = candidate.map(|place| self.is(row, place)).transpose()?;
            return Ok(candidate.filter(|_| found == Some(true)));
        }
        among
            .find_map(|place| match self.is(row, place) {
                Ok(false) => None,
                Ok(true) => Some(Ok(place)),
                Err(error) => Some(Err(error)),
            })
            .transpose()
    }
}

/// What an address of IPv4 begins with as one of IPv6.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/// `contains` of a network, `10.0.0.0/8`, and an address.
fn within_network(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Text, Bytes, _>(|network, of| {
        let (base, length) = network.split_once('/').ok_or_else(|| call.invalid("Invalid CIDR"))?;
        let bytes = address::ip(base).ok_or_else(|| call.invalid("Invalid network IP address"))?;
        let length: i32 = length.parse().map_err(|_| AthenaError::internal(&format!("For input string: \"{length}\"")))?;
        if length < 0 {
            return Err(call.invalid("Invalid prefix length"));
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let (base, of) = (number(&bytes), number(of));
        // An address of IPv4 is the end of one of IPv6.
        let free = if network.contains(':') { 128 } else { 32 } - length;
        // One of IPv4 that is written as one of IPv6 may have bits behind its length.
        let is_mapped = network.contains(':') && bytes.starts_with(&MAPPED);
        let network = u32::try_from(free).ok().map(|free| u128::MAX.checked_shl(free).unwrap_or(0));
        match network.filter(|network| is_mapped || base & !network == 0) {
            Some(network) => Ok(Some(base & network == of & network)),
            None => Err(call.invalid("Invalid CIDR")),
        }
    })
}

pub(super) fn contains(call: &Call<'_>) -> Result<ArrayRef> {
    if call.element_type(0).is_err() {
        return within_network(call);
    }
    let (lists, wanted) = (Lists::of(call, 0)?, call.argument(1)?);
    let search = Search::new(Some(call.name), call.element_type(0)?, lists.elements(), lists.is_constant(), wanted)?;
    call.produce(|row| {
        let range = lists.range(row);
        let has_null = || range.clone().any(|place| lists.elements().is_null(place));
        let found = search.first(row, range.clone())?.is_some();
        Ok(if found || !has_null() { Some(found) } else { None })
    })
}

pub(super) fn array_position(call: &Call<'_>) -> Result<ArrayRef> {
    let (lists, wanted) = (Lists::of(call, 0)?, call.argument(1)?);
    let search = Search::new(Some(call.name), call.element_type(0)?, lists.elements(), lists.is_constant(), wanted)?;
    call.produce(|row| {
        let range = lists.range(row);
        let found = search.first(row, range.clone())?;
        let position = found.map_or(0, |place| place - range.start + 1);
        i64::try_from(position).map(Some).map_err(|error| AthenaError::internal(&error))
    })
}

pub(super) fn array_remove(call: &Call<'_>) -> Result<ArrayRef> {
    let (lists, wanted) = (Lists::of(call, 0)?, call.argument(1)?);
    let search = Search::new(Some(call.name), call.element_type(0)?, lists.elements(), false, wanted)?;
    call.gather(&[lists.elements()], |row, places| {
        for place in lists.range(row) {
            if !search.is(row, place)? {
                places.push((0, place));
            }
        }
        Ok(())
    })
}
