import type { XmlElement } from '@rgrove/parse-xml';
import type { Clock } from '../../base/clock.ts';
import { ignoreExpected, PerchError } from '../../base/errors.ts';
import { withoutZone } from '../../base/network/ip-address.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { cameraError, isTrouble } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { elements, escapeXml, find, findText } from '../soap/xml/xml.ts';
import { type Notification, readNotifications } from './notifications.ts';

const EVENTS = 'http://www.onvif.org/ver10/events/wsdl';
const MANAGER = 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager';
const LIFE_S = 120;
/** Added to the camera's wait for its reply. */
const PULL_GRACE_MS = 10_000;
const END_DEADLINE_MS = 3_000;
const MAX_REFERENCE = 4_000;

/** Sufficient to end a subscription, also in a later run. */
export interface SubscriptionReference {
  readonly address: string;
  /** Reference parameters as headers (WS-Addressing 1.0 §3.3). */
  readonly headers: string;
}

/** A pull point subscription (ONVIF Core §9.2). */
export class PullPoint {
  readonly reference: SubscriptionReference;
  readonly #session: OnvifSession;
  readonly #clock: Clock;
  /** Monotonic time of the next renewal. */
  #renewAtMs: number;
  #endsAtMs: number;
  #takesAbsolute = false;

  /** @throws PerchError: `notSupported` if the camera only claims to have events */
  static async create(session: OnvifSession, clock: Clock): Promise<PullPoint> {
    const response = await session.call(
      'events',
      `<tev:CreatePullPointSubscription><tev:InitialTerminationTime>PT${LIFE_S}S</tev:InitialTerminationTime></tev:CreatePullPointSubscription>`,
      'CreatePullPointSubscriptionResponse',
      { action: `${EVENTS}/EventPortType/CreatePullPointSubscriptionRequest` },
    );
    return new PullPoint(session, clock, readReference(response), lifeOf(response));
  }

  private constructor(session: OnvifSession, clock: Clock, reference: SubscriptionReference, lifeMs: number) {
    this.#session = session;
    this.#clock = clock;
    this.reference = reference;
    this.#renewAtMs = clock.monoMs() + lifeMs / 2;
    this.#endsAtMs = clock.monoMs() + lifeMs;
  }

  get isDue(): boolean {
    return this.#clock.monoMs() >= this.#renewAtMs;
  }

  /** @param waitMs how long the camera may wait for events; capped by the time to renew */
  async pull(waitMs: number, signal: AbortSignal): Promise<Notification[]> {
    const leftMs = Math.max(1_000, this.#renewAtMs - this.#clock.monoMs());
    const seconds = Math.max(1, Math.round(Math.min(waitMs, leftMs) / 1000));
    const body = `<tev:PullMessages><tev:Timeout>PT${seconds}S</tev:Timeout><tev:MessageLimit>50</tev:MessageLimit></tev:PullMessages>`;
    const response = await call(this.#session, this.reference, {
      body,
      response: 'PullMessagesResponse',
      signal,
      action: `${EVENTS}/PullPointSubscription/PullMessagesRequest`,
      deadlineMs: seconds * 1000 + PULL_GRACE_MS,
    });
    return readNotifications(response);
  }

  /** @throws PerchError if the camera does not renew: some accept only a duration, some only a time, some neither */
  async renew(signal: AbortSignal): Promise<void> {
    for (const isAbsolute of this.#takesAbsolute ? [true] : [false, true]) {
      try {
        await this.#renewAs(isAbsolute, signal);
        this.#takesAbsolute = isAbsolute;
        return;
      } catch (error) {
        if (isAbsolute || !isTrouble(error, 'badReply', 'notSupported')) {
          throw error;
        }
      }
    }
  }

  /** Unsubscribes, because cameras have few subscriptions. */
  async end(): Promise<void> {
    if (this.#clock.monoMs() < this.#endsAtMs) {
      await endSubscription(this.#session, this.reference);
    }
  }

  async #renewAs(isAbsolute: boolean, signal: AbortSignal): Promise<void> {
    // The end of the lifetime by the camera's clock.
    const endMs = this.#clock.wallMs() + this.#session.skewMs + LIFE_S * 1000;
    const until = isAbsolute ? new Date(endMs).toISOString() : `PT${LIFE_S}S`;
    const response = await call(this.#session, this.reference, {
      body: `<wsnt:Renew><wsnt:TerminationTime>${until}</wsnt:TerminationTime></wsnt:Renew>`,
      response: 'RenewResponse',
      action: `${MANAGER}/RenewRequest`,
      signal,
    });
    const lifeMs = lifeOf(response);
    this.#renewAtMs = this.#clock.monoMs() + lifeMs / 2;
    this.#endsAtMs = this.#clock.monoMs() + lifeMs;
  }
}

/** Ends a subscription, also one of an earlier run. Ignores expected failures: it expires by itself. */
export async function endSubscription(session: OnvifSession, reference: SubscriptionReference): Promise<void> {
  await call(session, reference, {
    body: '<wsnt:Unsubscribe/>',
    response: 'UnsubscribeResponse',
    deadlineMs: END_DEADLINE_MS,
    action: `${MANAGER}/UnsubscribeRequest`,
  }).catch(ignoreExpected);
}

interface PullPointCall {
  readonly body: string;
  readonly response: string;
  readonly action: string;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Calls the camera's own host with the port, path and headers of the reference. `To` is verbatim, because some cameras compare it. */
function call(
  session: OnvifSession,
  { address, headers }: SubscriptionReference,
  asked: PullPointCall,
): Promise<XmlElement> {
  const { body, response, ...options } = asked;
  const url = URL.parse(withoutZone(address));
  if (!url) {
    return Promise.reject(noAddress());
  }
  const addressing = `<wsa:Action>${asked.action}</wsa:Action><wsa:To>${escapeXml(address)}</wsa:To>`;
  return session.callAt(url, addressing + headers, body, response, options);
}

const noAddress = (): PerchError => cameraError('badReply', 'the camera returns no address for its subscription');

function readReference(response: XmlElement): SubscriptionReference {
  const reference = find(response, 'SubscriptionReference');
  const address = findText(reference, 'Address') ?? '';
  if (address.length > 2_000 || !URL.canParse(withoutZone(address))) {
    throw noAddress();
  }
  try {
    const parameters = elements(find(reference, 'ReferenceParameters'));
    const headers = parameters.map((one) => writeXml(one, { maxCharacters: MAX_REFERENCE })).join('');
    if (headers.length > MAX_REFERENCE) {
      throw new PerchError('badInput', `${headers.length} characters of parameters, at most ${MAX_REFERENCE}`);
    }
    return { address, headers };
  } catch (cause) {
    throw cameraError('badReply', 'the camera returns invalid parameters for its subscription', {}, cause);
  }
}

/** Both times are the camera's, so its clock does not matter. */
function lifeOf(response: XmlElement): number {
  const lifeMs =
    Date.parse(findText(response, 'TerminationTime') ?? '') - Date.parse(findText(response, 'CurrentTime') ?? '');
  // Bounds for a subscription's lifetime as the camera states it.
  return Math.min(3_600_000, Math.max(10_000, Number.isNaN(lifeMs) ? LIFE_S * 1000 : lifeMs));
}
