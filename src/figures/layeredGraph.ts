// A small drawing of a graph from top to bottom: what is computed later stands lower, and what belongs together stands near. Boxes
// in rows by their longest way from a source, ordered in a few sweeps by the middle of their neighbours (Sugiyama et al. 1981,
// "Methods for Visual Understanding of Hierarchical System Structures").

export interface GraphNode {
  readonly id: string;
  readonly label: string;
  /** Ids of what it reads: of nodes, or of sources that no node is. */
  readonly reads: readonly { readonly node: string; readonly edge: string }[];
}

export interface PlacedBox {
  readonly id: string;
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge {
  /** What runs along it; several edges may carry the same. */
  readonly edge: string;
  readonly from: string;
  readonly to: string;
  /** A path from the lower side of one box to the upper side of another. */
  readonly d: string;
}

export interface PlacedGraph {
  readonly boxes: readonly PlacedBox[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

const boxHeight = 22;
const rowGap = 26;
const columnGap = 14;
const letterWidth = 6.6;
const padding = 16;
const sweeps = 8;

const widthOf = (label: string): number => Math.max(36, Math.round(label.length * letterWidth + padding));

/** Longest way from a source, for each node. @param nodes each after what it reads */
function rowsOf(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const { id, reads } of nodes)
    rows.set(id, Math.max(-1, ...reads.map(({ node }) => rows.get(node) ?? -1)) + 1);
  return rows;
}

/** A source stands just above the first that reads it, not at the top of all. */
function lowered(
  nodes: readonly GraphNode[],
  rows: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const result = new Map(rows);
  for (const { id, reads } of nodes) {
    if (reads.length > 0) continue;
    const readers = nodes.filter((other) => other.reads.some(({ node }) => node === id));
    const first = Math.min(...readers.map((reader) => rows.get(reader.id) ?? 0));
    if (Number.isFinite(first)) result.set(id, Math.max(0, first - 1));
  }
  return result;
}

const middle = (numbers: readonly number[]): number | undefined => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 1 ? half : half - 1], sorted[half]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
};

/** Order of each row, so that few edges cross. */
function ordered(
  nodes: readonly GraphNode[],
  rows: ReadonlyMap<string, number>,
): readonly (readonly string[])[] {
  const lines: string[][] = [];
  for (const { id } of nodes) {
    const row = rows.get(id) ?? 0;
    while (lines.length <= row) lines.push([]);
    lines[row]?.push(id);
  }
  const above = new Map(nodes.map(({ id, reads }) => [id, reads.map(({ node }) => node)]));
  const below = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
  for (const { id, reads } of nodes) for (const { node } of reads) below.get(node)?.push(id);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    const place = new Map<string, number>();
    for (const line of lines)
      for (const [index, id] of line.entries()) place.set(id, (index + 0.5) / line.length);
    for (const line of isDown ? lines : lines.toReversed()) {
      const wanted = new Map(
        line.map((id) => {
          const around = (isDown ? above : below).get(id) ?? [];
          const places = around.flatMap((other) => place.get(other) ?? []);
          return [id, middle(places) ?? place.get(id) ?? 0];
        }),
      );
      line.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      for (const [index, id] of line.entries()) place.set(id, (index + 0.5) / line.length);
    }
  }
  return lines;
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

/** @param nodes each after what it reads */
export function layoutGraph(nodes: readonly GraphNode[]): PlacedGraph {
  const rows = lowered(nodes, rowsOf(nodes));
  const lines = ordered(nodes, rows);
  const labels = new Map(nodes.map(({ id, label }) => [id, label]));
  const widths = lines.map((line) =>
    line.reduce((sum, id) => sum + widthOf(labels.get(id) ?? '') + columnGap, -columnGap),
  );
  const width = Math.max(0, ...widths) + 2 * columnGap;
  const boxes = new Map<string, PlacedBox>();
  for (const [row, line] of lines.entries()) {
    let x = (width - (widths[row] ?? 0)) / 2;
    for (const id of line) {
      const label = labels.get(id) ?? '';
      const own = widthOf(label);
      boxes.set(id, {
        id,
        label,
        x: rounded(x),
        y: columnGap + row * (boxHeight + rowGap),
        width: own,
        height: boxHeight,
      });
      x += own + columnGap;
    }
  }
  const edges = nodes.flatMap(({ id, reads }) =>
    reads.flatMap(({ node, edge }, index): readonly PlacedEdge[] => {
      const [from, to] = [boxes.get(node), boxes.get(id)];
      if (!from || !to) return [];
      const startX = rounded(from.x + from.width / 2);
      const startY = from.y + from.height;
      const endX = rounded(to.x + (to.width * (index + 1)) / (reads.length + 1));
      const half = rounded((to.y - startY) / 2);
      return [
        {
          edge,
          from: node,
          to: id,
          d: `M${startX} ${startY}C${startX} ${rounded(startY + half)} ${endX} ${rounded(to.y - half)} ${endX} ${to.y}`,
        },
      ];
    }),
  );
  return {
    boxes: [...boxes.values()],
    edges,
    width: Math.ceil(width),
    height: 2 * columnGap + lines.length * (boxHeight + rowGap) - rowGap,
  };
}
