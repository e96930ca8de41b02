//! The order of a flame graph's nodes, and of their names.

use super::flame::{Flame, FlameNodes, NONE, ROOT};
use super::named_stacks::FrameName;

impl Flame {
    /// Puts the nodes in preorder, siblings by weight, then by name. Returns the new place of each.
    pub(super) fn put_in_preorder(&mut self, names: &[FrameName]) -> Vec<u32> {
        let count = self.len();
        let c = &self.columns[self.selected];
        let weight = |i: u32| {
            let old = c.old_total.get(i as usize).map_or(0, |v| v.unsigned_abs());
            c.total[i as usize].unsigned_abs().saturating_add(old)
        };
        let name = |i: u32| names[self.nodes.name[i as usize] as usize].name.as_str();
        let mut children: Vec<u32> = (1..count as u32).collect();
        // The last sibling first, because a stack turns them around.
        children.sort_by(|&a, &b| {
            let parent = |i: u32| self.nodes.parent[i as usize];
            let order = parent(a).cmp(&parent(b)).then(weight(a).cmp(&weight(b)));
            order.then_with(|| name(b).cmp(name(a)))
        });
        let mut order: Vec<u32> = Vec::with_capacity(count);
        let mut place = vec![0u32; count];
        let mut work = vec![0u32];
        while let Some(i) = work.pop() {
            place[i as usize] = order.len() as u32;
            order.push(i);
            let start = children.partition_point(|&k| self.nodes.parent[k as usize] < i);
            let of_i = children[start..]
                .iter()
                .take_while(|&&k| self.nodes.parent[k as usize] == i);
            work.extend(of_i);
        }
        let parent = order.iter().map(|&i| place[self.nodes.parent[i as usize] as usize]);
        let nodes = FlameNodes {
            parent: parent.collect(),
            name: order.iter().map(|&i| self.nodes.name[i as usize]).collect(),
            inline: order.iter().map(|&i| self.nodes.inline[i as usize]).collect(),
        };
        self.nodes = nodes;
        for c in &mut self.columns {
            for column in [&mut c.own, &mut c.total, &mut c.old_own, &mut c.old_total] {
                if !column.is_empty() {
                    *column = order.iter().map(|&i| column[i as usize]).collect();
                }
            }
        }
        place
    }

    /// Numbers the names that are left by their first node.
    pub(super) fn number_names(&mut self, all: &[FrameName]) {
        let mut number = vec![NONE; all.len()];
        self.names = vec![FrameName {
            name: ROOT.to_owned(),
            ..FrameName::default()
        }];
        for name in &mut self.nodes.name {
            let Some(slot) = number.get_mut(*name as usize) else {
                *name = 0;
                continue;
            };
            if *slot == NONE {
                *slot = self.names.len() as u32;
                self.names.push(all[*name as usize].clone());
            }
            *name = *slot;
        }
    }
}
