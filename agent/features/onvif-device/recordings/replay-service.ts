import { findText } from '../../../onvif/soap/xml/xml.ts';
import type { OnvifSource, Operations } from '../server/contract.ts';
import { durationFrom } from '../server/durations.ts';
import { capabilities, SERVICE_CAPABILITIES } from '../server/service-capabilities.ts';
import { fault, tag } from '../server/soap.ts';
import { streamUri } from '../server/stream-uri.ts';
import { findRecorded, type RecordedStore } from './recorded-cameras.ts';

/** Query by which the RTSP server knows that recordings are meant. */
const QUERY = 'onvif-replay';
/** That of the RTSP server. */
const SESSION_MS = 60_000;
const ANY = { usual: SESSION_MS, min: 0, max: Number.MAX_SAFE_INTEGER };

/** The replay control service (ONVIF Replay Control). */
export function replayOperations(source: Pick<OnvifSource, 'rtsp'>, store: RecordedStore): Operations {
  return {
    'trp:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('trp', SERVICE_CAPABILITIES.replay) },
    'trp:GetReplayUri': {
      answer: async (call) => {
        const { path } = await findRecorded(call, store, findText(call.body, 'RecordingToken'));
        if (findText(call.body, 'StreamSetup', 'Stream') === 'RTP-Multicast') {
          throw fault('recordings are not sent by multicast', 'InvalidArgVal', 'InvalidStreamSetup');
        }
        // Clients that begin with UDP are told in SETUP to use the connection.
        return reply('GetReplayUri', tag('trp:Uri', `${streamUri(call, { path }, 'tcp', source)}?${QUERY}`));
      },
    },
    'trp:GetReplayConfiguration': {
      answer: () =>
        reply(
          'GetReplayConfiguration',
          `<trp:Configuration><tt:SessionTimeout>PT60S</tt:SessionTimeout></trp:Configuration>`,
        ),
    },
    'trp:SetReplayConfiguration': {
      answer: ({ body }) => {
        const timeoutMs = durationFrom(findText(body, 'Configuration', 'SessionTimeout'), 0, ANY);
        if (timeoutMs !== SESSION_MS) {
          throw fault('the session timeout is 60 s, and fixed', 'InvalidArgVal', 'ConfigModify');
        }
        return reply('SetReplayConfiguration', '');
      },
    },
  };
}

const reply = (operation: string, content: string): string =>
  `<trp:${operation}Response>${content}</trp:${operation}Response>`;
