//! Which column a member of a message fills.
//!
//! Owns: the closed list of columns a message can fill, and the table from every spelling in the contract to one of them.
//! Does not own: the spellings (`stock_data.toml`), what a column accepts (`row`).
//! Invariant: the table answers as `Contract::message_column` does; a contract with a column unknown here builds no table.

use ticklake_schemas::{ColumnSource, Contract};

use super::swar;

/// A column that a member of a message fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Symbol,
    Time,
    Price,
    Size,
    Bid,
    Ask,
    Exchange,
    Sequence,
}

impl Field {
    pub(super) const COUNT: usize = 8;
    const ALL: [Self; Self::COUNT] =
        [Self::Symbol, Self::Time, Self::Price, Self::Size, Self::Bid, Self::Ask, Self::Exchange, Self::Sequence];

    /// The column's name in the contract.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Time => "time",
            Self::Price => "price",
            Self::Size => "size",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Exchange => "exchange",
            Self::Sequence => "sequence",
        }
    }

    /// Whether `row` refuses a message without it.
    const fn required(self) -> bool {
        matches!(self, Self::Symbol | Self::Time | Self::Price)
    }
}

/// Four times as many as there are spellings, so that a probe rarely needs a second look.
const SLOTS: usize = 256;

/// From a member's name to the column it fills: open addressing, names packed by `swar::pack`.
#[derive(Debug, Clone)]
pub(super) struct FieldTable {
    slots: Box<[Option<(u128, Field)>; SLOTS]>,
}

impl FieldTable {
    /// The table of a contract.
    ///
    /// # Errors
    /// One sentence naming what the decoder does not know how to fill.
    pub(super) fn new(contract: &Contract) -> Result<Self, String> {
        let mut table = Self { slots: Box::new([None; SLOTS]) };
        let from_message = || contract.columns.iter().filter(|c| c.from == ColumnSource::Message && c.name != "extra");
        if let Some(missing) = Field::ALL.iter().find(|f| from_message().all(|c| c.name != f.column())) {
            return Err(format!("the contract has no column {:?}", missing.column()));
        }
        if from_message().map(|c| 1 + c.aliases.len()).sum::<usize>() > SLOTS / 2 {
            return Err(format!("the contract has more than {} spellings", SLOTS / 2));
        }
        for column in from_message() {
            let field = Field::ALL.into_iter().find(|f| f.column() == column.name && f.required() == column.required);
            let field = field.ok_or_else(|| format!("the decoder does not know how to fill column {:?}", column.name))?;
            for spelling in std::iter::once(&column.name).chain(&column.aliases) {
                let packed = swar::pack(spelling.as_bytes())
                    .ok_or_else(|| format!("{spelling:?} is longer than {} bytes", swar::PACKED_BYTES_MAX))?;
                let mut slot = home(packed);
                while table.slots[slot].is_some() {
                    slot = (slot + 1) % SLOTS;
                }
                table.slots[slot] = Some((packed, field));
            }
        }
        Ok(table)
    }

    /// The column a member of that name fills, the name as `swar::pack` gives it; `None` for unknown names.
    #[inline(always)]
    pub(super) fn get(&self, packed: u128) -> Option<Field> {
        let mut slot = home(packed);
        // Ends: at most half of the slots are taken.
        while let Some((spelling, field)) = self.slots[slot] {
            if spelling == packed {
                return Some(field);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }
}

/// The first slot to look in. The multiplier is the golden ratio's fraction (Fibonacci hashing).
#[inline]
fn home(packed: u128) -> usize {
    let folded = (packed as u64) ^ ((packed >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ticklake_schemas::stock_data;

    use super::*;

    fn look_up(table: &FieldTable, name: &str) -> Option<Field> {
        table.get(swar::pack(name.as_bytes())?)
    }

    #[test]
    fn every_spelling_of_the_contract_finds_its_column() {
        let table = FieldTable::new(stock_data()).unwrap();
        for column in stock_data().columns.iter().filter(|c| c.from == ColumnSource::Message && c.name != "extra") {
            for spelling in std::iter::once(&column.name).chain(&column.aliases) {
                assert_eq!(look_up(&table, spelling).map(Field::column), Some(column.name.as_str()), "{spelling}");
                assert_eq!(look_up(&table, &format!("{spelling}\0")), None);
            }
        }
    }

    #[test]
    fn a_contract_the_decoder_cannot_fill_is_refused() {
        let changed = |change: &dyn Fn(&mut Contract)| {
            let mut contract = stock_data().clone();
            change(&mut contract);
            FieldTable::new(&contract).map(|_| ())
        };
        assert_eq!(changed(&|_| {}), Ok(()));
        assert!(changed(&|c| c.columns[0].name = "instrument".into()).is_err());
        assert!(changed(&|c| c.columns[0].required = false).is_err());
        assert!(changed(&|c| c.columns[2].from = ColumnSource::Message).is_err());
        assert!(changed(&|c| c.columns[0].aliases.push("a".repeat(16))).is_err());
        assert!(changed(&|c| c.columns[0].aliases.extend((0..200).map(|n| format!("n{n}")))).is_err());
    }

    proptest! {
        #[test]
        fn no_name_is_ever_taken_for_another(name in prop_oneof!["[a-z_]{0,18}", ".{0,6}", "(S|s|t|ts|bid|ask|price|sequence)[\0-a]?"]) {
            let table = FieldTable::new(stock_data()).unwrap();
            let expected = stock_data().message_column(&name).map(|c| c.name.as_str());
            prop_assert_eq!(look_up(&table, &name).map(Field::column), expected);
        }
    }
}
