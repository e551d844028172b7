/**
 * What V8 has for itself, by its names for a snapshot's nodes: code, what it has learnt about calls, the shapes of objects. Bytes beside
 * its heap are `native`.
 */
const OF_ENGINE: ReadonlySet<string> = new Set(['code', 'hidden', 'object shape', 'native', 'synthetic']);

/** As far as it is needed: nodes are rows of numbers, one after the other. */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
}

export interface HeapShares {
  /** What the program holds: objects, arrays, texts, closures and what they close over. */
  readonly objectBytes: number;
  /** What V8 makes of the program's text as it runs: more for a while, and not without end. */
  readonly compiledBytes: number;
}

/** @param json a heap snapshot */
export function sharesOf(json: string): HeapShares {
  const { snapshot, nodes } = JSON.parse(json) as HeapSnapshot;
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
