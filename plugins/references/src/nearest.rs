//! The name that somebody may have meant.

/// Names longer than this are not compared.
const LONGEST: usize = 128;

/// The nearest of some names, if it is near enough to be meant. `left` bounds how many names all
/// questions together may look at, so that the cost does not grow with their product.
pub fn nearest<'n, T>(
    name: &str,
    names: impl Iterator<Item = (&'n str, T)>,
    left: &mut usize,
) -> Option<(&'n str, T)> {
    if name.len() > LONGEST {
        return None;
    }
    let far = 1 + name.len() / 4;
    let mut best: Option<(usize, (&str, T))> = None;
    for (other, value) in names {
        if *left == 0 {
            break;
        }
        *left -= 1;
        if other.len().abs_diff(name.len()) > far || other.len() > LONGEST {
            continue;
        }
        let distance = distance(name, other);
        if distance <= far && best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, (other, value)));
        }
    }
    best.map(|(_, found)| found)
}

/// Characters to add, to take away or to exchange, or neighbours to swap (optimal string
/// alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let exchanged = row[j] + usize::from(x != y);
            let mut least = exchanged.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && *x == b[j - 1] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["web-config", "web-secrets", "api"].map(|it| (it, ()));
        let find = |name: &str, mut left: usize| {
            nearest(name, names.into_iter(), &mut left).map(|(name, ())| name)
        };
        assert_eq!(find("web-confg", 10), Some("web-config"));
        assert_eq!(find("web-cnofig", 10), Some("web-config"));
        assert_eq!(find("apis", 10), Some("api"));
        assert_eq!(find("broker", 10), None);
        assert_eq!(find("apis", 2), None);
    }
}
