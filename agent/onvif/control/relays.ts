import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { elements, escapeXml, find, findText } from '../soap/xml/xml.ts';
import type { Way, Ways } from './ways.ts';

/** Longest delay that is set; the camera may accept less. */
const MAX_DELAY_S = 86_400;

export interface RelaySettings {
  /** `monostable`: it goes back by itself, after `seconds`. */
  readonly mode: 'bistable' | 'monostable';
  /** Of `monostable`; null: the camera does not say. */
  readonly seconds: number | null;
  /** The contact while the relay is off. */
  readonly idle: 'open' | 'closed';
}

export interface Relay extends RelaySettings {
  /** As the camera writes it, which may be with any characters. */
  readonly token: string;
}

/** The service that has the relays, and the namespace that it takes: in the WSDL of Device I/O these elements are those of the device service. */
const SERVICES = [
  ['deviceIO', 'tds'],
  ['deviceIO', 'tmd'],
  ['device', 'tds'],
] as const;

/** A command to each service that may have relays. The SOAP action is that of the service, whatever the element. */
const byService = <T>(
  session: OnvifSession,
  call: (send: (body: string, operation: string) => Promise<XmlElement>, prefix: 'tds' | 'tmd') => Promise<T>,
): readonly Way<T>[] =>
  SERVICES.flatMap(([service, prefix]): Way<T>[] => {
    const send = (body: string, operation: string) => {
      const action = service === 'deviceIO' ? `http://www.onvif.org/ver10/deviceio/wsdl/${operation}` : undefined;
      return session.call(service, body, `${operation}Response`, { action });
    };
    return session.has(service) ? [[`${service} ${prefix}`, () => call(send, prefix)]] : [];
  });

/** GetRelayOutputs of Device I/O and of the device service: some cameras have an empty list in one of them. */
export async function readRelays(session: OnvifSession): Promise<Relay[]> {
  for (const [, list] of byService(session, (send, prefix) =>
    send(`<${prefix}:GetRelayOutputs/>`, 'GetRelayOutputs'),
  )) {
    const relays = elements(await unlessFault(list()), 'RelayOutputs')
      // Cameras have one to four, input and output modules sixteen.
      .slice(0, 32)
      .flatMap(relayOf);
    if (relays.length > 0) {
      return relays;
    }
  }
  return [];
}

function relayOf(element: XmlElement): Relay[] {
  const token = Object.hasOwn(element.attributes, 'token') ? element.attributes['token'] : undefined;
  const properties = find(element, 'Properties');
  const isMonostable = findText(properties, 'Mode')?.toLowerCase() === 'monostable';
  const seconds = isMonostable ? secondsOf(findText(properties, 'DelayTime')) : null;
  const idle = findText(properties, 'IdleState')?.toLowerCase() === 'closed' ? 'closed' : 'open';
  return token === undefined || token === ''
    ? []
    : [{ token, mode: isMonostable ? 'monostable' : 'bistable', seconds, idle }];
}

/** An `xs:duration` in seconds; some cameras write the number alone. */
function secondsOf(text: string | undefined): number | null {
  const parts = /^P(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$/.exec(text ?? '');
  if (!parts) {
    return /^\d{1,9}(?:\.\d{1,9})?$/.test(text ?? '') ? Number(text) : null;
  }
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0));
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** `active` is the contact's other state than the idle one. */
export async function switchRelay(session: OnvifSession, ways: Ways, relay: Relay, isOn: boolean): Promise<void> {
  const call = byService(session, (send, prefix) =>
    send(
      `<${prefix}:SetRelayOutputState><${prefix}:RelayOutputToken>${escapeXml(relay.token)}</${prefix}:RelayOutputToken>` +
        `<${prefix}:LogicalState>${isOn ? 'active' : 'inactive'}</${prefix}:LogicalState></${prefix}:SetRelayOutputState>`,
      'SetRelayOutputState',
    ),
  );
  const sent = ways.use('relay', call);
  // It goes back by itself, and some cameras refuse to be told.
  await (relay.mode === 'monostable' && !isOn ? unlessFault(sent) : sent);
}

/** Sets the mode and reads it back: some cameras accept a change without effect. @returns the relay afterwards */
export async function setRelay(
  session: OnvifSession,
  ways: Ways,
  relay: Relay,
  wanted: Partial<RelaySettings>,
): Promise<Relay> {
  const { mode, seconds, idle } = { ...relay, ...wanted };
  if (seconds !== null && !(seconds >= 0 && seconds <= MAX_DELAY_S)) {
    throw new PerchError('badInput', `seconds: ${seconds}, expected 0 to ${MAX_DELAY_S}`);
  }
  const properties =
    `<tt:Mode>${mode === 'monostable' ? 'Monostable' : 'Bistable'}</tt:Mode>` +
    `<tt:DelayTime>PT${mode === 'monostable' ? (seconds ?? 1) : 0}S</tt:DelayTime><tt:IdleState>${idle}</tt:IdleState>`;
  const token = escapeXml(relay.token);
  const call = byService(session, (send, prefix) =>
    send(
      prefix === 'tmd'
        ? `<tmd:SetRelayOutputSettings><tmd:RelayOutput token="${token}"><tt:Properties>${properties}</tt:Properties>` +
            '</tmd:RelayOutput></tmd:SetRelayOutputSettings>'
        : `<tds:SetRelayOutputSettings><tds:RelayOutputToken>${token}</tds:RelayOutputToken>` +
            `<tds:Properties>${properties}</tds:Properties></tds:SetRelayOutputSettings>`,
      'SetRelayOutputSettings',
    ),
  );
  // Device I/O has this one in its own namespace.
  await ways.use(
    'relay settings',
    call.toSorted(([one], [other]) => Number(other.endsWith('tmd')) - Number(one.endsWith('tmd'))),
  );
  const set = (await readRelays(session)).find((one) => one.token === relay.token);
  if (!set) {
    throw cameraError('badReply', 'the camera no longer lists the relay', { host: session.host });
  }
  return set;
}
