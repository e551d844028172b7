import { PerchError } from '../../../../base/errors.ts';
import type { Initializer, OnnxNode } from './onnx.ts';
import { countOf, type Weight } from './tfjs-graph.ts';

/**
 * A tensor of TensorFlow as a tensor of ONNX with its axes in another order: axis i is `axes[i]` there. So transpositions are written only
 * where the order matters.
 */
export interface View {
  readonly tensor: string;
  readonly axes: readonly number[];
}

export const inOrder = (rank: number): readonly number[] => Array.from({ length: rank }, (_, i) => i);
export const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

/** The graph of ONNX while it is written, with the shapes of its tensors. */
export class OnnxBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #shapes = new Map<string, readonly number[]>();

  get content(): { readonly nodes: readonly OnnxNode[]; readonly initializers: ReadonlyMap<string, Initializer> } {
    return { nodes: this.#nodes, initializers: this.#initializers };
  }

  add(node: OnnxNode): void {
    this.#nodes.push(node);
  }

  shape(tensor: string): readonly number[] {
    return this.#shapes.get(tensor) ?? [];
  }

  /** @throws PerchError badInput for a shape that no picture of a camera needs */
  setShape(tensor: string, shape: readonly number[]): void {
    if (shape.some((one) => !(one > 0)) || countOf(shape) > 1 << 26) {
      throw new PerchError('badInput', `${tensor} has the shape ${shape.join(' × ')}`);
    }
    this.#shapes.set(tensor, shape);
  }

  inTheirOrder(view: View): string {
    return this.inAxes(view, inOrder(view.axes.length));
  }

  /** The tensor whose axes have this order: a transposition, unless it is the same. */
  inAxes({ tensor, axes }: View, wanted: readonly number[]): string {
    if (isSame(axes, wanted)) {
      return tensor;
    }
    if (axes.length !== wanted.length) {
      throw new PerchError('badInput', `${tensor} has ${axes.length} axes, expected ${wanted.length}`);
    }
    const perm = inOrder(axes.length).map((axis) => axes[wanted.indexOf(axis)] ?? 0);
    const output = `${tensor}/${perm.join('')}`;
    if (!this.#shapes.has(output)) {
      this.#nodes.push({ operator: 'Transpose', inputs: [tensor], outputs: [output], attributes: { perm } });
      this.setShape(
        output,
        perm.map((axis) => this.shape(tensor)[axis] ?? 0),
      );
    }
    return output;
  }

  /** Weights as `float`, of which the file has `float16`. */
  constant(name: string, shape: readonly number[], bytes: Uint8Array): string {
    this.#initializers.set(name, { type: 'float16', shape, bytes });
    const output = `${name}/float`;
    this.#nodes.push({ operator: 'Cast', inputs: [name], outputs: [output], attributes: { to: 1 } });
    return output;
  }

  list(name: string, values: readonly number[]): string {
    const bytes = Buffer.from(BigInt64Array.from(values, BigInt).buffer);
    this.#initializers.set(name, { type: 'int64', shape: [values.length], bytes });
    return name;
  }
}

/** A kernel of height, width, channels, count: in the order of ONNX, count, channels, height, width. */
export function channelsFirst({ shape, bytes }: Weight): Uint8Array {
  const [height = 0, width = 0, channels = 0, count = 0] = shape;
  const [from, to] = [new Uint16Array(bytes.length / 2), new Uint16Array(bytes.length / 2)];
  Buffer.from(from.buffer).set(bytes);
  const plane = height * width;
  for (let at = 0, pixel = 0; pixel < plane; pixel += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      for (let one = 0; one < count; one += 1, at += 1) {
        to[(one * channels + channel) * plane + pixel] = from[at] as number;
      }
    }
  }
  return Buffer.from(to.buffer);
}
