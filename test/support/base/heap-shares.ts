/**
 * V8's own memory, by its names for a snapshot's nodes: code, call feedback, the shapes of objects. Bytes outside its heap are
 * `native`.
 */
const OF_ENGINE: ReadonlySet<string> = new Set(['code', 'hidden', 'object shape', 'native', 'synthetic']);

/** The needed part: nodes and edges are rows of numbers in sequence; a node's edges are contiguous, in the nodes' order. */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

export interface HeapShares {
  /** The program's memory: objects, arrays, strings, closures and their contexts. */
  readonly objectBytes: number;
  /** Code that V8 compiles at run time: it grows for a while, and has a bound. */
  readonly compiledBytes: number;
  /** Listeners of emitters and of event targets. */
  readonly listeners: number;
}

/** @param json a heap snapshot */
export function sharesOf(json: string): HeapShares {
  const heap = JSON.parse(json) as HeapSnapshot;
  return { ...bytesOf(heap), listeners: listenersIn(heap) };
}

function bytesOf({ snapshot, nodes }: HeapSnapshot): Pick<HeapShares, 'objectBytes' | 'compiledBytes'> {
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, sizeAt] = [fields.indexOf('type'), fields.indexOf('self_size')];
  let objectBytes = 0;
  let compiledBytes = 0;
  for (let row = 0; row < nodes.length; row += fields.length) {
    const type = types[0][nodes[row + typeAt] ?? 0] ?? '';
    const bytes = nodes[row + sizeAt] ?? 0;
    objectBytes += OF_ENGINE.has(type) ? 0 : bytes;
    compiledBytes += type === 'code' ? bytes : 0;
  }
  return { objectBytes, compiledBytes };
}

/** An emitter has an object `_events`: by event one function, or an array of them. An event target makes a `Listener` of each. */
function listenersIn({ snapshot, nodes, edges, strings }: HeapSnapshot): number {
  const { node_fields: ofNode, node_types: nodeTypes, edge_fields: ofEdge, edge_types: edgeTypes } = snapshot.meta;
  const [typeAt, nameAt, countAt] = [ofNode.indexOf('type'), ofNode.indexOf('name'), ofNode.indexOf('edge_count')];
  const [kindAt, keyAt, toAt] = [ofEdge.indexOf('type'), ofEdge.indexOf('name_or_index'), ofEdge.indexOf('to_node')];
  /** Index of each node's first edge; its edges end at the next node's. */
  const begins = [0];
  for (let node = 0; node < nodes.length; node += ofNode.length) {
    begins.push((begins.at(-1) ?? 0) + (nodes[node + countAt] ?? 0) * ofEdge.length);
  }
  const typeOf = (node: number) => nodeTypes[0][nodes[node + typeAt] ?? 0];
  const nameOf = (node: number) => strings[nodes[node + nameAt] ?? 0];
  /** The nodes that a node refers to by properties or elements. */
  const held = (node: number, kind: 'property' | 'element', name?: string): number[] => {
    const found: number[] = [];
    const number = node / ofNode.length;
    for (let edge = begins[number] ?? 0; edge < (begins[number + 1] ?? 0); edge += ofEdge.length) {
      if (
        edgeTypes[0][edges[edge + kindAt] ?? 0] === kind &&
        (name === undefined || strings[edges[edge + keyAt] ?? 0] === name)
      ) {
        found.push(edges[edge + toAt] ?? 0);
      }
    }
    return found;
  };
  const functionsAmong = (all: readonly number[]) => all.filter((node) => typeOf(node) === 'closure').length;
  let listeners = 0;
  for (let node = 0; node < nodes.length; node += ofNode.length) {
    if (typeOf(node) !== 'object') {
      continue;
    }
    listeners += nameOf(node) === 'Listener' ? 1 : 0;
    for (const events of held(node, 'property', '_events')) {
      const waiting = held(events, 'property');
      listeners += functionsAmong(waiting);
      listeners += waiting.reduce((sum, each) => sum + functionsAmong(held(each, 'element')), 0);
    }
  }
  return listeners;
}
