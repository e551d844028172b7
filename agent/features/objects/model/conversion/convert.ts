import { setImmediate } from 'node:timers/promises';
import { PerchError } from '../../../../base/errors.ts';
import { type Attribute, type OnnxGraph, type OnnxNode, type Port, writeOnnx } from './onnx.ts';
import { channelsFirst, inOrder, isSame, OnnxBuilder, type View } from './onnx-builder.ts';
import { countOf, type GraphNode, readGraph, type TfGraph, type Weight } from './tfjs-graph.ts';

/** Not written yet, for the convolution or window that reads it. */
interface Padding {
  /** Top, left, bottom, right. */
  readonly pads: readonly number[];
  readonly value: number;
}
interface PaddedView extends View {
  readonly padding?: Padding;
}

/** Channels last, of a tensor that has them second. */
const NHWC = [0, 2, 3, 1];
const NO_PADS = [0, 0, 0, 0];

/**
 * A graph of TensorFlow.js as ONNX. Padding and bias become parts of the convolution, and weights stay `float16`. The same input yields the
 * same bytes.
 * @param json `model.json` @param bin its weights @param description for people who find the file
 * @throws PerchError badInput for a damaged file, and for an operation that it does not know
 */
export async function convertGraph(
  json: Uint8Array,
  bin: Uint8Array,
  name: string,
  description: string,
): Promise<Uint8Array> {
  return writeOnnx(await new Conversion(readGraph(json, bin)).convert(name, description));
}

class Conversion {
  readonly #graph: TfGraph;
  readonly #out = new OnnxBuilder();
  readonly #inputs: Port[] = [];
  /** By output of a node of TensorFlow. */
  readonly #views = new Map<string, PaddedView>();
  /** Sums of integers, which are known now. */
  readonly #sums = new Map<string, readonly number[]>();
  /** Convolutions that have no bias yet, and how many nodes read each. */
  readonly #convolutions = new Map<string, { readonly inputs: string[] }>();
  readonly #readers = new Map<string, number>();

  constructor(graph: TfGraph) {
    this.#graph = graph;
    for (const input of graph.nodes.flatMap(({ inputs }) => inputs)) {
      this.#readers.set(input, (this.#readers.get(input) ?? 0) + 1);
    }
  }

  async convert(name: string, description: string): Promise<OnnxGraph> {
    for (const node of this.#graph.nodes) {
      if (this.#views.has(node.name) || this.#graph.weights.has(node.name)) {
        node.fail('has the name of another one');
      }
      this.#convert(node);
      // Cameras do not wait for the kernels of all convolutions.
      if (node.operator === 'Conv2D') {
        await setImmediate();
      }
    }
    const outputs = this.#graph.outputs.map((output) => {
      const view = this.#views.get(output);
      if (!view || view.padding) {
        throw new PerchError('badInput', `the output ${output} is not the result of a node that is converted`);
      }
      const tensor = this.#out.inTheirOrder(view);
      const shape = this.#out.shape(tensor);
      this.#out.add({ operator: 'Identity', inputs: [tensor], outputs: [output], attributes: {} });
      return { name: output, shape };
    });
    return { name, description, ...this.#out.content, inputs: this.#inputs, outputs };
  }

  #convert(node: GraphNode): void {
    const operations: Readonly<Record<string, () => void>> = {
      Placeholder: () => this.#input(node),
      SparseToDense: () => this.#sum(node),
      AddV2: () => this.#sum(node),
      Transpose: () => this.#transpose(node),
      Pad: () => this.#pad(node),
      PadV2: () => this.#pad(node),
      Conv2D: () => this.#convolve(node),
      MaxPool: () => this.#pool(node),
      Add: () => this.#add(node),
      ConcatV2: () => this.#join(node),
      SplitV: () => this.#split(node),
      ResizeBilinear: () => this.#resize(node),
      Reshape: () => this.#reshape(node),
      LeakyRelu: () => this.#each(node, { alpha: { float: node.float('alpha') } }),
      Sigmoid: () => this.#each(node, {}),
      Identity: () => this.#views.set(node.name, this.#view(node, 0)),
    };
    const convert = Object.hasOwn(operations, node.operator) ? operations[node.operator] : undefined;
    (convert ?? (() => node.fail('is an operation that is not converted')))();
  }

  #input(node: GraphNode): void {
    const shape = node.shape();
    this.#inputs.push({ name: node.name, shape });
    this.#out.setShape(node.name, shape);
    this.#views.set(node.name, { tensor: node.name, axes: inOrder(shape.length) });
  }

  #sum(node: GraphNode): void {
    if (node.operator === 'AddV2') {
      const [a, b] = [this.#integers(node, 0), this.#integers(node, 1)];
      if (a.length !== b.length) {
        node.fail(`adds ${a.length} numbers to ${b.length}`);
      }
      const sum = a.map((one, i) => one + (b[i] ?? 0));
      this.#sums.set(node.name, sum);
      return;
    }
    const [indices = [], sizes = [], values = [], [value = 0] = []] = [0, 1, 2, 3].map((i) => this.#integers(node, i));
    const [length = 0] = sizes;
    if (indices.length > 0 || values.length > 0 || sizes.length !== 1 || length < 0 || length > 8) {
      node.fail('is not one number up to eight times');
    }
    this.#sums.set(
      node.name,
      Array.from({ length }, () => value),
    );
  }

  #transpose(node: GraphNode): void {
    const [view, order] = [this.#padded(node, 0), this.#integers(node, 1)];
    if (!isSame([...order].sort(), inOrder(view.axes.length))) {
      node.fail(`puts ${view.axes.length} axes into the order ${order.join(', ')}`);
    }
    this.#views.set(node.name, { ...view, axes: order.map((axis) => view.axes[axis] ?? 0) });
  }

  #pad(node: GraphNode): void {
    const [view, amounts] = [this.#view(node, 0), this.#integers(node, 1)];
    const value = node.operator === 'Pad' ? 0 : (this.#floats(node, 2)[0] ?? 0);
    const of = (axis: number, end: number): number => amounts[2 * view.axes.indexOf(axis) + end] ?? -1;
    const pads = [of(2, 0), of(3, 0), of(2, 1), of(3, 1)];
    const others = [of(0, 0), of(0, 1), of(1, 0), of(1, 1)];
    if (view.axes.length !== 4 || others.some((one) => one !== 0) || pads.some((one) => one < 0 || one > 64)) {
      node.fail(`pads by ${amounts.join(', ')}, expected up to 64 in height and width`);
    }
    this.#views.set(node.name, { ...view, padding: { pads, value } });
  }

  #convolve(node: GraphNode): void {
    const { tensor, pads } = this.#picture(node, 0);
    const kernel = this.#weight(node, 1);
    const [height = 0, width = 0, channels = 0, count = 0] = kernel.shape;
    const [batch = 0, depth = 0] = this.#out.shape(tensor);
    if (kernel.type !== 'float16' || kernel.shape.length !== 4 || channels !== depth) {
      node.fail(`has a kernel of ${kernel.shape.join(' × ')} for ${depth} channels`);
    }
    const weights = this.#out.constant(`${node.name}/kernel`, [count, channels, height, width], channelsFirst(kernel));
    const [strides, dilations] = [this.#window(node, 'strides'), this.#window(node, 'dilations')];
    const reach = [height, width].map((size, i) => (size - 1) * (dilations[i] ?? 1) + 1);
    const plane = this.#plane(tensor, pads, reach, strides);
    const attributes = { dilations, group: 1, kernel_shape: [height, width], pads, strides };
    const convolution = { operator: 'Conv', inputs: [tensor, weights], outputs: [node.name], attributes };
    this.#out.add(convolution);
    this.#convolutions.set(node.name, convolution);
    this.#out.setShape(node.name, [batch, count, ...plane]);
    this.#views.set(node.name, { tensor: node.name, axes: NHWC });
  }

  #pool(node: GraphNode): void {
    const { tensor, pads, value } = this.#picture(node, 0);
    // ONNX pads by the smallest number there is.
    if (!isSame(pads, NO_PADS) && value > -65_504) {
      node.fail(`takes the largest of a window that is padded with ${value}`);
    }
    const [size, strides] = [this.#window(node, 'ksize'), this.#window(node, 'strides')];
    const [batch = 0, depth = 0] = this.#out.shape(tensor);
    const shape = [batch, depth, ...this.#plane(tensor, pads, size, strides)];
    this.#write(node, 'MaxPool', [tensor], { kernel_shape: size, pads, strides }, { shape, axes: NHWC });
  }

  #add(node: GraphNode): void {
    const [first = '', second = ''] = node.inputs;
    const bias = this.#graph.weights.get(second);
    if (bias) {
      const convolution = this.#convolutions.get(first);
      const { tensor, axes } = this.#view(node, 0);
      const isOfIt = bias.type === 'float16' && isSame(bias.shape, [this.#out.shape(tensor)[1] ?? 0]);
      if (!convolution || this.#readers.get(first) !== 1 || !isSame(axes, NHWC) || !isOfIt) {
        node.fail('adds a constant that is not the bias of a convolution');
      }
      convolution.inputs.push(this.#out.constant(`${node.name}/bias`, bias.shape, bias.bytes));
      this.#convolutions.delete(first);
      this.#views.set(node.name, { tensor, axes });
      return;
    }
    const { tensor, axes } = this.#view(node, 0);
    const other = this.#out.inAxes(this.#view(node, 1), axes);
    const shape = this.#out.shape(tensor);
    if (!isSame(shape, this.#out.shape(other))) {
      node.fail('adds tensors of two shapes');
    }
    this.#write(node, 'Add', [tensor, other], {}, { shape, axes });
  }

  #join(node: GraphNode): void {
    const count = node.inputs.length - 1;
    const { tensor, axes } = this.#view(node, 0);
    const axis = axes[this.#integers(node, count)[0] ?? -1] ?? node.fail('has no such axis');
    const tensors = [
      tensor,
      ...inOrder(count)
        .slice(1)
        .map((i) => this.#out.inAxes(this.#view(node, i), axes)),
    ];
    const shapes = tensors.map((one) => this.#out.shape(one));
    const size = shapes.reduce((sum, one) => sum + (one[axis] ?? 0), 0);
    const joined = shapes.map((one) => one.with(axis, size));
    const [shape = []] = joined;
    if (joined.some((one) => !isSame(one, shape))) {
      node.fail('joins tensors of different shapes');
    }
    this.#write(node, 'Concat', tensors, { axis }, { shape, axes });
  }

  #split(node: GraphNode): void {
    const { tensor, axes } = this.#view(node, 0);
    const [sizes, shape] = [this.#integers(node, 1), this.#out.shape(tensor)];
    const axis = axes[this.#integers(node, 2)[0] ?? -1] ?? node.fail('has no such axis');
    if (sizes.some((one) => one <= 0) || sizes.reduce((sum, one) => sum + one, 0) !== shape[axis]) {
      node.fail(`splits ${shape[axis]} into ${sizes.join(', ')}`);
    }
    const lengths = this.#out.list(`${node.name}/sizes`, sizes);
    const outputs = sizes.map((_, i) => (i === 0 ? node.name : `${node.name}:${i}`));
    this.#out.add({ operator: 'Split', inputs: [tensor, lengths], outputs, attributes: { axis } });
    outputs.forEach((output, i) => {
      this.#out.setShape(output, shape.with(axis, sizes[i] ?? 0));
      this.#views.set(output, { tensor: output, axes });
    });
  }

  #resize(node: GraphNode): void {
    const tensor = this.#out.inAxes(this.#view(node, 0), NHWC);
    const [batch = 0, channels = 0] = this.#out.shape(tensor);
    const size = this.#integers(node, 1);
    if (size.length !== 2 || size.some((one) => one <= 0) || node.isSet('align_corners')) {
      node.fail('is not to a height and width, by the centres of pixels');
    }
    const shape = [batch, channels, ...size];
    const mode = node.isSet('half_pixel_centers') ? 'half_pixel' : 'asymmetric';
    const inputs = [tensor, '', '', this.#out.list(`${node.name}/size`, shape)];
    const attributes = { coordinate_transformation_mode: mode, mode: 'linear' };
    this.#write(node, 'Resize', inputs, attributes, { shape, axes: NHWC });
  }

  #reshape(node: GraphNode): void {
    const tensor = this.#out.inTheirOrder(this.#view(node, 0));
    const [wanted, count] = [this.#integers(node, 1), countOf(this.#out.shape(tensor))];
    const known = countOf(wanted.filter((one) => one !== -1));
    const shape = wanted.map((one) => (one === -1 ? count / known : one));
    if (shape.some((one) => !Number.isInteger(one) || one <= 0) || countOf(shape) !== count) {
      node.fail(`makes ${count} numbers ${wanted.join(' × ')}`);
    }
    const list = this.#out.list(`${node.name}/shape`, shape);
    this.#write(node, 'Reshape', [tensor, list], {}, { shape, axes: inOrder(shape.length) });
  }

  /** An operation on each number. */
  #each(node: GraphNode, attributes: OnnxNode['attributes']): void {
    const { tensor, axes } = this.#view(node, 0);
    this.#write(node, node.operator, [tensor], attributes, { shape: this.#out.shape(tensor), axes });
  }

  #write(
    node: GraphNode,
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    { shape, axes }: { readonly shape: readonly number[]; readonly axes: readonly number[] },
  ): void {
    this.#out.add({ operator, inputs, outputs: [node.name], attributes });
    this.#out.setShape(node.name, shape);
    this.#views.set(node.name, { tensor: node.name, axes });
  }

  /** A tensor that is not padded. */
  #view(node: GraphNode, input: number): View {
    const view = this.#padded(node, input);
    return view.padding ? node.fail('is padded, which only a convolution or a window may be') : view;
  }

  #padded(node: GraphNode, input: number): PaddedView {
    return this.#views.get(node.inputs[input] ?? '') ?? node.fail(`has no tensor as input ${input}`);
  }

  /** A picture with channels last in TensorFlow, as ONNX has it. */
  #picture(node: GraphNode, input: number): { tensor: string; pads: readonly number[]; value: number } {
    const { padding = { pads: NO_PADS, value: 0 }, ...view } = this.#padded(node, input);
    if (
      node.text('padding') !== 'VALID' ||
      !['', 'NHWC'].includes(node.text('data_format')) ||
      view.axes.length !== 4
    ) {
      node.fail('is not VALID, or has not its channels last');
    }
    if (node.operator === 'Conv2D' && padding.value !== 0) {
      node.fail(`is padded with ${padding.value}`);
    }
    if (padding.pads !== NO_PADS && !isSame(view.axes, NHWC)) {
      node.fail('is padded along its channels');
    }
    return { tensor: this.#out.inAxes(view, NHWC), ...padding };
  }

  /** @returns height and width of what a window finds */
  #plane(
    tensor: string,
    pads: readonly number[],
    reach: readonly number[],
    strides: readonly number[],
  ): readonly number[] {
    const shape = this.#out.shape(tensor);
    return [0, 1].map((i) => {
      const size = (shape[2 + i] ?? 0) + (pads[i] ?? 0) + (pads[2 + i] ?? 0);
      return Math.floor((size - (reach[i] ?? 1)) / (strides[i] ?? 1)) + 1;
    });
  }

  /** Height and width. */
  #window(node: GraphNode, attribute: string): readonly number[] {
    const [batch, height = 0, width = 0, channels] = node.ints(attribute);
    if (batch !== 1 || channels !== 1 || !(height > 0 && width > 0)) {
      node.fail(`has ${attribute} ${node.ints(attribute).join(', ')}`);
    }
    return [height, width];
  }

  #weight(node: GraphNode, input: number): Weight {
    return this.#graph.weights.get(node.inputs[input] ?? '') ?? node.fail(`has no constant as input ${input}`);
  }

  #integers(node: GraphNode, input: number): readonly number[] {
    const sum = this.#sums.get(node.inputs[input] ?? '');
    if (sum) {
      return sum;
    }
    const { type, bytes } = this.#weight(node, input);
    if (type !== 'int32' || bytes.length > 64) {
      node.fail(`has ${bytes.length} bytes of ${type} as input ${input}, expected up to 16 integers`);
    }
    return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
  }

  #floats(node: GraphNode, input: number): readonly number[] {
    const { type, bytes } = this.#weight(node, input);
    if (type !== 'float16' || bytes.length > 32) {
      node.fail(`has ${bytes.length} bytes of ${type} as input ${input}, expected up to 16 numbers`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / 2 }, (_, i) => view.getFloat16(2 * i, true));
  }
}
