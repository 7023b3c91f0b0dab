//! Names of columns where each must be another.
//!
//! Owns: what a column is called whose name is taken: `name_2`, `name_3`, the first that no column has.
//! Does not own: which formats need it.
//! Invariant: of columns of one name the first keeps it, and a name is taken from no other column.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::datatypes::Fields;

/// The names of columns, each once.
pub(super) fn unique(fields: &Fields) -> Vec<String> {
    let mut taken: HashSet<String> = fields.iter().map(|field| field.name().clone()).collect();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::with_capacity(fields.len());
    for written in fields.iter().map(|field| field.name().as_str()) {
        let Some(last) = seen.get_mut(written) else {
            seen.insert(written, 1);
            names.push(written.to_owned());
            continue;
        };
        // Counted on, so that many columns of one name do not try the same names again.
        let free = loop {
            *last += 1;
            let next = format!("{written}_{last}");
            if taken.insert(next.clone()) {
                break next;
            }
        };
        names.push(free);
    }
    names
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn two_columns_never_share_a_name() {
        let named = |names: &[&str]| unique(&names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect());
        assert_eq!(named(&["a", "b", "a", "a"]), ["a", "b", "a_2", "a_3"]);
        assert_eq!(named(&["a", "a", "a_2", "a_2"]), ["a", "a_3", "a_2", "a_2_2"], "a name of another's own is not taken");
        assert_eq!(named(&["", "", "A", "a"]), ["", "_2", "A", "a"]);
        let many = named(&["x"; 20_000]);
        assert_eq!((many.len(), many.iter().collect::<HashSet<_>>().len()), (20_000, 20_000));
    }
}
