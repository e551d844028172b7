import type { FastifyReply, FastifyRequest } from 'fastify';
import { PUBLISHER_PAGE } from './publisher-page.ts';
import { PUBLISHER_SCRIPT } from './publisher-script.ts';
import { READER_PAGE } from './reader-page.ts';
import type { SignallingOptions } from './requests.ts';
import { SESSION_SCRIPT } from './session-script.ts';
import type { PageTarget, ScriptName } from './signalling-url.ts';

/**
 * `reader.js`: a class for third-party pages that plays a stream. `onError` receives a readable message; the reader
 * retries until `close()`. `onLeftOut` receives the possibly empty list of tracks that this browser does not get.
 */
const READER_SCRIPT = `'use strict';

(() => {${SESSION_SCRIPT}
  class MediaMTXWebRTCReader extends Session {
    prepare(pc) {
      const { onTrack, onDataChannel } = this.options;
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.addTransceiver('audio', { direction: 'recvonly' });
      pc.ontrack = (event) => onTrack && onTrack(event);
      pc.ondatachannel = (event) => onDataChannel && onDataChannel(event);
    }

    onAnswered(response) {
      const { onLeftOut } = this.options;
      if (onLeftOut) {
        const header = response.headers.get('Perch-Left-Out');
        onLeftOut(header ? header.split(', ') : []);
      }
    }
  }

  window.MediaMTXWebRTCReader = MediaMTXWebRTCReader;
})();
`;

/** Requests the password for the page, which the browser then repeats for its scripts. */
export async function sendPage(
  { action, path }: PageTarget,
  options: SignallingOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  await options.access.require(request, action, path);
  if (options.isConfigured?.(path) === false) {
    return reply.code(500).send({ status: 'error', error: `path '${path}' is not configured` });
  }
  options.server.prepare();
  return reply
    .header('Cache-Control', 'no-cache')
    .type('text/html; charset=utf-8')
    .send(action === 'read' ? READER_PAGE : PUBLISHER_PAGE);
}

const SCRIPTS: Record<ScriptName, string> = { 'reader.js': READER_SCRIPT, 'publisher.js': PUBLISHER_SCRIPT };

export function sendScript(name: ScriptName, reply: FastifyReply): FastifyReply {
  return reply
    .header('Cache-Control', 'max-age=3600')
    .type('application/javascript; charset=utf-8')
    .send(SCRIPTS[name]);
}
