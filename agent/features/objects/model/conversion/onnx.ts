import { MessageWriter } from './protobuf.ts';

/** An attribute of a node: an integer, a list of integers, a text, or a number of `float`. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** `TensorProto.DataType` */
const TYPES = { float: 1, int64: 7, float16: 10 } as const;

export interface Initializer {
  readonly type: keyof typeof TYPES;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A tensor of `float`. */
export interface Port {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  /** Origin and licence, for people who find the file. */
  readonly description: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Version 13 of the operators came with version 7 of the format. */
const [IR_VERSION, OPSET] = [7, 13];

/** The model as ONNX (onnx.proto3): the same graph is always the same bytes. */
export function writeOnnx(graph: OnnxGraph): Uint8Array {
  return new MessageWriter()
    .int(1, IR_VERSION)
    .text(2, 'Perch')
    .text(6, graph.description)
    .message(7, (message) => writeGraph(message, graph))
    .message(8, (opset) => opset.text(1, '').int(2, OPSET))
    .whole();
}

function writeGraph(message: MessageWriter, { name, nodes, initializers, inputs, outputs }: OnnxGraph): void {
  for (const node of nodes) {
    message.message(1, (one) => writeNode(one, node));
  }
  message.text(2, name);
  for (const [tensor, { type, shape, bytes }] of initializers) {
    message.message(5, (one) => {
      for (const size of shape) {
        one.int(1, size);
      }
      one.int(2, TYPES[type]).text(8, tensor).bytes(9, bytes);
    });
  }
  for (const [field, ports] of [[11, inputs] as const, [12, outputs] as const]) {
    for (const port of ports) {
      message.message(field, (one) => writePort(one, port));
    }
  }
}

function writeNode(message: MessageWriter, { operator, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) {
    message.text(1, input);
  }
  for (const output of outputs) {
    message.text(2, output);
  }
  message.text(3, outputs[0] ?? '').text(4, operator);
  for (const [name, value] of Object.entries(attributes)) {
    message.message(5, (one) => writeAttribute(one.text(1, name), value));
  }
}

function writeAttribute(message: MessageWriter, value: Attribute): void {
  if (typeof value === 'number') {
    message.int(3, value).int(20, 2);
  } else if (typeof value === 'string') {
    message.text(4, value).int(20, 3);
  } else if ('float' in value) {
    message.float(2, value.float).int(20, 1);
  } else {
    for (const one of value) {
      message.int(8, one);
    }
    message.int(20, 7);
  }
}

function writePort(message: MessageWriter, { name, shape }: Port): void {
  message.text(1, name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, TYPES.float).message(2, (dims) => {
        for (const size of shape) {
          dims.message(1, (dim) => dim.int(1, size));
        }
      }),
    ),
  );
}
