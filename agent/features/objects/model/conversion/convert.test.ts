import { expect, test } from 'vitest';
import { smallGraph } from '../../../../../test/features/objects/support/small-graph.ts';
import { byLength } from '../../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../../test/support/base/mutate.ts';
import { random } from '../../../../../test/support/base/random.ts';
import { PerchError } from '../../../../base/errors.ts';
import { convertGraph } from './convert.ts';

const { json, bin } = smallGraph();
const convert = (one = json, other = bin) => convertGraph(one, other, 'small', 'a test');
/** The graph with something else in place of a text. */
const changed = (from: string, to: string): Uint8Array => {
  const text = Buffer.from(json).toString();
  expect(text).toContain(from);
  return Buffer.from(text.replace(from, to));
};

type Fields = readonly (readonly [field: number, value: Buffer | number])[];

/** The fields of a message of Protocol Buffers; numbers above 2 ** 31 are not needed here. */
function fieldsOf(message: Buffer): Fields {
  const fields: (readonly [number, Buffer | number])[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (at < message.length) {
    const key = varint();
    const length = { 0: 0, 2: -1, 5: 4 }[key & 7];
    expect(length).toBeDefined();
    if (length === 0) {
      fields.push([key >> 3, varint()]);
      continue;
    }
    const bytes = length === -1 ? varint() : 4;
    expect(at + bytes).toBeLessThanOrEqual(message.length);
    fields.push([key >> 3, message.subarray(at, at + bytes)]);
    at += bytes;
  }
  return fields;
}
const messages = (fields: Fields, wanted: number): Buffer[] =>
  fields.flatMap(([field, value]) => (field === wanted && Buffer.isBuffer(value) ? [value] : []));
const graphOf = (onnx: Uint8Array): Fields => fieldsOf(messages(fieldsOf(Buffer.from(onnx)), 7)[0] as Buffer);
const operators = (graph: Fields): string[] =>
  messages(graph, 1)
    .map((node) => messages(fieldsOf(node), 4).join())
    .filter((name) => name !== 'Cast');

test('padding and bias become parts of the convolution; axes are moved only where their order matters', async () => {
  const graph = graphOf(await convert());
  expect(operators(graph)).toEqual([
    ...['Conv', 'LeakyRelu', 'MaxPool', 'Resize', 'Concat', 'Add', 'Split', 'Sigmoid', 'Reshape'],
    // Outputs by name: all, rest, and the scores, whose axes the graph itself exchanges at the end.
    ...['Identity', 'Identity', 'Transpose', 'Identity'],
  ]);
  const names = (field: number): string[] => messages(graph, field).map((port) => messages(fieldsOf(port), 1).join());
  expect([names(11), names(12)]).toEqual([['in'], ['all', 'rest', 'scores']]);
});

test('the same graph is the same bytes', async () => {
  expect(Buffer.from(await convert()).equals(await convert())).toBe(true);
});

test.for([
  ['"Sigmoid"', '"Erf"', 'the node sigmoid (Erf) is an operation that is not converted'],
  ['"format":"graph-model"', '"format":"layers-model"', 'model.json: /format '],
  ['["d","d","channels"]', '["d","nowhere","channels"]', 'the node joined (ConcatV2) has no tensor as input 1'],
  ['["conv","bias"]', '["b","bias"]', 'the node biased (Add) has no tensor as input 0'],
  ['"shape":[3,3,3,6]', '"shape":[3,3,6,3]', 'the node conv (Conv2D) has a kernel of 3 × 3 × 6 × 3 for 3 channels'],
  ['"shape":[6]', '"shape":[7]', 'the weight least ends at byte'],
  ['"shape":[6]', '"shape":[5]', 'their file has'],
  ['"original_dtype":"float32"}', '"original_dtype":"float32","dtype":"uint8"}', 'the weight kernel is uint8'],
  ['"all:0":{"name":"all:0"}', '"all:0":{"name":"none"}', 'the output none is not'],
  ['"all:0":{"name":"all:0"}', '"all:0":{"name":"padded"}', 'the output padded is not'],
  ['["padded","last"]', '["padded","second"]', 'the node conv (Conv2D) is padded along its channels'],
  ['["leaky","around","least"]', '["leaky","around","zero"]', 'bytes of int32 as input 2'],
  ['["d","d"]', '["d","in"]', 'the node sum (Add) adds tensors of two shapes'],
] as const)('a graph with %s as %s is refused: %s', async ([from, to, message]) => {
  await expect(convert(changed(from, to))).rejects.toThrow(message);
});

test('damaged graphs and weights are converted or refused, and no other error appears', async () => {
  const next = random(1);
  const outcome = { converted: 0, refused: 0 };
  for (let i = 0; i < byLength(1_500, 50_000); i += 1) {
    const isJson = i % 4 > 0;
    try {
      const onnx = await convert(isJson ? mutate(json, next) : json, isJson ? bin : mutate(bin, next));
      expect(operators(graphOf(onnx)).length).toBeGreaterThan(0);
      outcome.converted += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      outcome.refused += 1;
    }
  }
  expect(Math.min(outcome.converted, outcome.refused)).toBeGreaterThan(10);
});
