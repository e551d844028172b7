import Type, { type Static } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { PerchError } from '../../../../base/errors.ts';

/** An integer as JSON of Protocol Buffers writes it. */
const Int64 = Type.Union([Type.String({ pattern: '^-?\\d{1,15}$' }), Type.Integer()]);
const Shape = Type.Object({ dim: Type.Optional(Type.Array(Type.Object({ size: Type.Optional(Int64) }))) });
const AttributeSchema = Type.Object({
  i: Type.Optional(Int64),
  f: Type.Optional(Type.Number()),
  b: Type.Optional(Type.Boolean()),
  /** Base64 */
  s: Type.Optional(Type.String()),
  list: Type.Optional(Type.Object({ i: Type.Optional(Type.Array(Int64)) })),
  shape: Type.Optional(Shape),
});
const WeightSchema = Type.Object({
  name: Type.String(),
  shape: Type.Array(Type.Integer({ minimum: 0, maximum: 1 << 24 }), { maxItems: 8 }),
  dtype: Type.String(),
  quantization: Type.Optional(Type.Object({ dtype: Type.String() })),
});
const NodeSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  op: Type.String(),
  input: Type.Optional(Type.Array(Type.String())),
  attr: Type.Optional(Type.Record(Type.String(), AttributeSchema)),
});
/** `model.json` of TensorFlow.js: the format `graph-model`. */
const ModelSchema = Type.Object({
  format: Type.Literal('graph-model'),
  signature: Type.Object({ outputs: Type.Record(Type.String(), Type.Object({ name: Type.String() })) }),
  modelTopology: Type.Object({ node: Type.Array(NodeSchema, { maxItems: 10_000 }) }),
  weightsManifest: Type.Array(Type.Object({ weights: Type.Array(WeightSchema, { maxItems: 10_000 }) }), {
    minItems: 1,
    maxItems: 1,
  }),
});

export interface Weight {
  readonly type: 'int32' | 'float16';
  readonly shape: readonly number[];
  /** Little-endian */
  readonly bytes: Buffer;
}

/** An operation of TensorFlow. Its inputs are names of nodes before it, with `:1` for the second output. */
export class GraphNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly #attributes: Readonly<Record<string, Static<typeof AttributeSchema>>>;

  constructor({ name, op, input = [], attr = {} }: Static<typeof NodeSchema>) {
    this.name = name;
    this.operator = op;
    // A name after ^ is an order of execution, without data.
    this.inputs = input.filter((one) => !one.startsWith('^')).map((one) => one.replace(/:0$/, ''));
    this.#attributes = attr;
  }

  /** Strides and sizes of windows. */
  ints(attribute: string): readonly number[] {
    return (this.#attributes[attribute]?.list?.i ?? []).map(Number);
  }

  float(attribute: string): number {
    return this.#attributes[attribute]?.f ?? this.fail(`has no number ${attribute}`);
  }

  isSet(attribute: string): boolean {
    return this.#attributes[attribute]?.b === true;
  }

  text(attribute: string): string {
    return Buffer.from(this.#attributes[attribute]?.s ?? '', 'base64').toString();
  }

  shape(): readonly number[] {
    const sizes = this.#attributes['shape']?.shape?.dim?.map(({ size }) => Number(size ?? 0));
    return sizes ?? this.fail('has no shape');
  }

  fail(why: string): never {
    throw new PerchError('badInput', `the node ${this.name} (${this.operator}) ${why}`);
  }
}

export interface TfGraph {
  /** Without constants, in the order of execution. */
  readonly nodes: readonly GraphNode[];
  /** The constants, by node. */
  readonly weights: ReadonlyMap<string, Weight>;
  /** Names of nodes, in the order of their names. */
  readonly outputs: readonly string[];
}

/**
 * @param json `model.json` of TensorFlow.js @param bin its weights
 * @throws PerchError badInput for anything but a graph with weights of int32 and float16
 */
export function readGraph(json: Uint8Array, bin: Uint8Array): TfGraph {
  const model = parse(json);
  const nodes = model.modelTopology.node.map((one) => new GraphNode(one));
  const outputs = Object.values(model.signature.outputs).map(({ name }) => name.replace(/:0$/, ''));
  return {
    nodes: nodes.filter(({ operator }) => operator !== 'Const'),
    weights: readWeights(model.weightsManifest[0]?.weights ?? [], Buffer.from(bin.buffer, bin.byteOffset, bin.length)),
    outputs: outputs.sort(),
  };
}

function parse(json: Uint8Array): Static<typeof ModelSchema> {
  let model: unknown;
  try {
    model = JSON.parse(Buffer.from(json).toString());
  } catch (error) {
    throw new PerchError('badInput', 'model.json is not JSON', {}, error);
  }
  if (!Check(ModelSchema, model)) {
    const [fault] = Errors(ModelSchema, model);
    throw new PerchError('badInput', `model.json: ${fault?.instancePath || 'the document'} ${fault?.message ?? ''}`);
  }
  return model;
}

function readWeights(listed: readonly Static<typeof WeightSchema>[], bin: Buffer): ReadonlyMap<string, Weight> {
  const weights = new Map<string, Weight>();
  let at = 0;
  for (const { name, shape, dtype, quantization } of listed) {
    const stored = quantization?.dtype ?? dtype;
    if (stored !== 'int32' && stored !== 'float16') {
      throw new PerchError('badInput', `the weight ${name} is ${stored}, expected int32 or float16`);
    }
    const bytes = countOf(shape) * (stored === 'int32' ? 4 : 2);
    if (at + bytes > bin.length) {
      throw new PerchError('badInput', `the weight ${name} ends at byte ${at + bytes} of ${bin.length}`);
    }
    weights.set(name, { type: stored, shape, bytes: bin.subarray(at, at + bytes) });
    at += bytes;
  }
  if (at !== bin.length) {
    throw new PerchError('badInput', `the weights are ${at} bytes, their file has ${bin.length}`);
  }
  return weights;
}

export const countOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
