import { once } from 'node:events';
import { connect } from 'node:net';
import { PerchError } from '../../../agent/base/errors.ts';
import type { SourceProtocol } from '../../../agent/protocols/contract.ts';
import type { Source, StreamSink } from '../../../agent/stream/contracts.ts';
import type { Stream } from '../../../agent/stream/stream.ts';
import { FRAME, FrameReader, readSample, readTracks, writeHello } from './frames.ts';
import { TOY_SOURCE } from './keys.ts';

export const toySource: SourceProtocol = {
  apiType: 'toySource',
  keys: TOY_SOURCE,
  create: ({ settings }) => new ToySource(settings.source),
};

class ToySource implements Source {
  readonly type = 'toySource';
  readonly #url: URL;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { hostname, port, pathname, search } = this.#url;
    const socket = connect(Number(port), hostname);
    const abort = () => void socket.destroy();
    signal.addEventListener('abort', abort);
    let stream: Stream | undefined;
    const frames = new FrameReader((type, payload) => {
      if (type === FRAME.tracks) {
        stream = sink.publish(readTracks(payload));
      } else if (type === FRAME.sample) {
        const { track, sample } = readSample(payload);
        stream?.write(track, sample);
      }
    });
    socket.on('data', (chunk: Buffer) => frames.push(chunk));
    try {
      socket.write(writeHello({ role: 'read', path: pathname.slice(1), query: search.slice(1) }));
      await once(socket, 'close');
    } catch (cause) {
      throw new PerchError('unavailable', `${hostname}:${port} cannot be reached`, { isUnreachable: true }, cause);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
