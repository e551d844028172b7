/** RFC 2326 §10.12: `$`, a channel, a length of two bytes. */
const DOLLAR = 0x24;
const FRAME_HEADER_BYTES = 4;
const HEAD_END = '\r\n\r\n';

/** Cuts one direction of an RTSP connection into whole messages and interleaved frames; no byte is lost or changed. */
export class RtspCutter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const pieces: Buffer[] = [];
    for (let sizeBytes = this.#next(); sizeBytes > 0; sizeBytes = this.#next()) {
      pieces.push(this.#rest.subarray(0, sizeBytes));
      this.#rest = this.#rest.subarray(sizeBytes);
    }
    return pieces;
  }

  /** Bytes of the first piece; 0: it is not whole yet. */
  #next(): number {
    const rest = this.#rest;
    const sizeBytes = rest[0] === DOLLAR ? frameBytes(rest) : messageBytes(rest);
    return sizeBytes <= rest.length ? sizeBytes : 0;
  }
}

const frameBytes = (bytes: Buffer): number =>
  bytes.length < FRAME_HEADER_BYTES ? 0 : FRAME_HEADER_BYTES + bytes.readUInt16BE(2);

function messageBytes(bytes: Buffer): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) {
    return 0;
  }
  const length = field(bytes.toString('latin1', 0, headEnd + 2), 'Content-Length');
  return headEnd + HEAD_END.length + Number(length ?? 0);
}

/** Value of the first header field of this name. @param head lines that each end with CR LF */
export function field(head: string, name: string): string | undefined {
  return head.match(new RegExp(`^${name}:[ \\t]*(.*)\\r$`, 'im'))?.[1];
}

export type Ports = readonly [rtp: number, rtcp: number];
type PortsName = 'client_port' | 'server_port';

const pattern = (name: PortsName) => new RegExp(`\\b${name}=(\\d+)(?:-(\\d+))?`, 'gi');

/** UDP ports of a Transport header; a single one means itself and the next. */
export function portsIn(message: Buffer, name: PortsName): Ports | undefined {
  const transport = field(message.toString('latin1'), 'Transport') ?? '';
  const [, rtp, rtcp] = pattern(name).exec(transport) ?? [];
  return rtp === undefined ? undefined : [Number(rtp), Number(rtcp ?? Number(rtp) + 1)];
}

/** The same message with other UDP ports in its Transport headers. */
export function withPorts(message: Buffer, ports: Partial<Record<PortsName, Ports>>): Buffer {
  const headEnd = message.indexOf(HEAD_END);
  const head = message.toString('latin1', 0, headEnd).replace(/^Transport:.*$/gim, (line) => {
    let changed = line;
    for (const [name, [rtp, rtcp]] of Object.entries(ports) as [PortsName, Ports][]) {
      changed = changed.replace(pattern(name), `${name}=${rtp}-${rtcp}`);
    }
    return changed;
  });
  return Buffer.concat([Buffer.from(head, 'latin1'), message.subarray(headEnd)]);
}
