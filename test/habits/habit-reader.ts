import { createHash } from 'node:crypto';
import { RtpHeader } from '../../agent/media/rtp/header.ts';
import { RtspCaller } from '../support/clients/rtsp-caller.ts';

/** A picture as a reader of the RTSP server gets it. */
export interface ReadPicture {
  /** Unwrapped ticks of 90 kHz. */
  readonly ticks: number;
  /** Of its slices. */
  readonly hash: string;
}

/** The same for what a camera sent and for what a reader got, whatever parameter sets and SEI are next to the slices. */
export function hashOf(nals: readonly Uint8Array[]): string {
  const hash = createHash('sha1');
  for (const nal of nals) {
    const type = (nal[0] as number) & 0x1f;
    if (type >= 1 && type <= 5) {
      hash.update(nal);
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/** Reads a path over TCP with nothing of the agent's own ingest: pictures end at the marker, whatever their times are. */
export class HabitReader implements AsyncDisposable {
  readonly #caller: RtspCaller;

  static async open(port: number, path: string): Promise<HabitReader> {
    const caller = await RtspCaller.connect(port);
    const url = `rtsp://127.0.0.1:${port}/${path}`;
    const described = await caller.ask('DESCRIBE', url, [['Accept', 'application/sdp']]);
    if (described.status !== 200) {
      throw new Error(`DESCRIBE of ${path}: ${described.status}`);
    }
    const [control = ''] = new TextDecoder().decode(described.body).match(/(?<=m=video[\s\S]*a=control:)\S+/) ?? [];
    const uri = control.startsWith('rtsp:') ? control : `${url}/${control}`;
    await caller.ask('SETUP', uri, [['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1']]);
    await caller.ask('PLAY', url, [['Range', 'npt=0-']]);
    return new HabitReader(caller);
  }

  constructor(caller: RtspCaller) {
    this.#caller = caller;
  }

  get pictures(): ReadPicture[] {
    const header = new RtpHeader();
    const pictures: ReadPicture[] = [];
    let nals: Uint8Array[] = [];
    let fragments: Uint8Array[] = [];
    let last = -1;
    let ticks = 0;
    for (const { channel, payload } of this.#caller.frames) {
      if (channel !== 0) {
        continue;
      }
      header.parse(payload, 0, payload.length);
      const body = payload.subarray(header.payloadStart, header.payloadEnd);
      const type = (body[0] as number) & 0x1f;
      if (type === 28) {
        const fu = body[1] as number;
        if (fu & 0x80) {
          fragments = [Uint8Array.of(((body[0] as number) & 0xe0) | (fu & 0x1f))];
        }
        fragments.push(body.subarray(2));
        if (fu & 0x40) {
          nals.push(Uint8Array.from(Buffer.concat(fragments)));
        }
      } else if (type < 24) {
        nals.push(body);
      }
      if (header.marker) {
        ticks += last < 0 ? 0 : (header.timestamp - last) | 0;
        last = header.timestamp;
        pictures.push({ ticks, hash: hashOf(nals) });
        nals = [];
      }
    }
    return pictures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#caller[Symbol.dispose]();
  }
}
