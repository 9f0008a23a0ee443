//! The name that somebody may have meant.

/// Names longer than this, in bytes, are not compared.
const LONGEST: usize = 63;

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
        let far = best.as_ref().map_or(far, |(least, _)| least - 1);
        if let Some(distance) = distance(name, other, far) {
            best = Some((distance, (other, value)));
            if distance == 0 {
                break;
            }
        }
    }
    best.map(|(_, found)| found)
}

/// Characters to add, to take away or to exchange, or neighbours to swap (optimal string
/// alignment); none if they are more than `far`.
fn distance(a: &str, b: &str, far: usize) -> Option<usize> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before = [0; LONGEST + 1];
    let mut row: [usize; LONGEST + 1] = std::array::from_fn(|index| index);
    for (i, x) in a.iter().enumerate() {
        let mut next = [far + 1; LONGEST + 1];
        next[0] = i + 1;
        let mut least_of_row = far + 1;
        // What is further from the diagonal than `far` costs more.
        for j in i.saturating_sub(far)..b.len().min(i + far + 1) {
            let exchanged = row[j] + usize::from(*x != b[j]);
            let mut least = exchanged.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == b[j] && *x == b[j - 1] {
                least = least.min(before[j - 1] + 1);
            }
            next[j + 1] = least;
            least_of_row = least_of_row.min(least);
        }
        if least_of_row > far {
            return None;
        }
        before = std::mem::replace(&mut row, next);
    }
    Some(row[b.len()]).filter(|distance| *distance <= far)
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
