interface SmallWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly isFloat?: true;
}

const int = (name: string, shape: readonly number[], ...values: number[]): SmallWeight => ({ name, shape, values });
const ramp = (name: string, shape: readonly number[]): SmallWeight => {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, shape, values: Array.from({ length }, (_, i) => ((i * 7) % 16) / 8 - 1), isFloat: true };
};

const WEIGHTS: readonly SmallWeight[] = [
  int('none', [0, 1]),
  int('nothing', [0]),
  int('one', [1], 3),
  int('zero', [], 0),
  int('shape', [3], 1, 2, -1),
  int('around', [4, 2], 0, 0, 0, 0, 1, 1, 1, 1),
  int('last', [4], 0, 2, 3, 1),
  int('second', [4], 0, 3, 1, 2),
  int('turned', [3], 0, 2, 1),
  int('channels', [], 1),
  int('parts', [2], 2, 4),
  int('size', [2], 8, 8),
  ramp('kernel', [3, 3, 3, 6]),
  ramp('bias', [6]),
  { name: 'least', shape: [], values: [Number.NEGATIVE_INFINITY], isFloat: true },
];

const WINDOW = { padding: { s: 'VkFMSUQ=' }, strides: { list: { i: ['1', '2', '2', '1'] } } };
const SAME = { list: { i: ['1', '1', '1', '1'] } };

const NODES = [
  ['in', 'Placeholder', [], { shape: { shape: { dim: [1, 3, 8, 8].map((size) => ({ size: `${size}` })) } } }],
  ['zeros', 'SparseToDense', ['none', 'one', 'nothing', 'zero'], {}],
  ['rows', 'AddV2', ['shape', 'zeros'], {}],
  ['padded', 'Pad', ['in', 'around'], {}],
  ['a', 'Transpose', ['padded', 'last'], {}],
  ['conv', 'Conv2D', ['a', 'kernel'], { ...WINDOW, dilations: SAME }],
  ['biased', 'Add', ['conv', 'bias'], {}],
  ['b', 'Transpose', ['biased', 'second'], {}],
  ['leaky', 'LeakyRelu', ['b'], { alpha: { f: 0.1 } }],
  ['wide', 'PadV2', ['leaky', 'around', 'least'], {}],
  ['c', 'Transpose', ['wide', 'last'], {}],
  ['pool', 'MaxPool', ['c'], { ...WINDOW, ksize: { list: { i: ['1', '3', '3', '1'] } } }],
  ['resized', 'ResizeBilinear', ['pool', 'size'], { half_pixel_centers: { b: true } }],
  ['d', 'Transpose', ['resized', 'second'], {}],
  ['joined', 'ConcatV2', ['d', 'd', 'channels'], {}],
  ['sum', 'Add', ['d', 'd'], {}],
  ['split', 'SplitV', ['sum', 'parts', 'channels'], {}],
  ['sigmoid', 'Sigmoid', ['split'], {}],
  ['reshaped', 'Reshape', ['sigmoid', 'rows'], {}],
  ['e', 'Transpose', ['reshaped', 'turned'], {}],
  ['scores', 'Identity', ['e'], {}],
  ['rest', 'Identity', ['split:1'], {}],
  ['all', 'Identity', ['joined'], {}],
] as const;

/** A graph of TensorFlow.js with each operation that is converted, of a picture of 8 x 8. */
export function smallGraph(): { readonly json: Uint8Array; readonly bin: Uint8Array } {
  const outputs = Object.fromEntries(['scores', 'rest', 'all'].map((name) => [`${name}:0`, { name: `${name}:0` }]));
  const constants = WEIGHTS.map(({ name }) => ({ name, op: 'Const' }));
  const nodes = NODES.map(([name, op, input, attr]) => ({ name, op, input, attr }));
  const weights = WEIGHTS.map(({ name, shape, isFloat }) => ({
    name,
    shape,
    dtype: isFloat ? 'float32' : 'int32',
    ...(isFloat && { quantization: { dtype: 'float16', original_dtype: 'float32' } }),
  }));
  const model = {
    format: 'graph-model',
    signature: { outputs },
    modelTopology: { node: [...constants, ...nodes] },
    weightsManifest: [{ paths: ['small.bin'], weights }],
  };
  const bin = Buffer.concat(WEIGHTS.map(({ values, isFloat }) => bytesOf(values, isFloat === true)));
  return { json: Buffer.from(JSON.stringify(model)), bin };
}

function bytesOf(values: readonly number[], isFloat: boolean): Buffer {
  const bytes = Buffer.alloc(values.length * (isFloat ? 2 : 4));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  values.forEach((value, i) => {
    if (isFloat) {
      view.setFloat16(2 * i, value, true);
    } else {
      view.setInt32(4 * i, value, true);
    }
  });
  return bytes;
}
