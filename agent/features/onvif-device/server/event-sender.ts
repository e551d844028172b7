import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { sendRequest } from '../../../base/network/http-client.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import type { Message, PullPoint, PullPoints } from './pull-points.ts';
import { fault, replyOf, tag } from './soap.ts';

const NOTIFY = 'http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify';
const WAIT_MS = 60_000;
const TIMEOUT_MS = 5_000;
const RETRY_MS = 5_000;

interface EventSenderDeps {
  readonly points: PullPoints;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Whether the login still permits the subscription: unlike a pull, a message to the recorder has no login to check. */
  isPermitted(point: PullPoint): boolean;
}

/** Sends events to recorders that do not pull them (WS-BaseNotification, ONVIF Core §9.2), one request at a time to each. */
export class EventSender {
  readonly #deps: EventSenderDeps;

  constructor(deps: EventSenderDeps) {
    this.#deps = deps;
  }

  /** Sends events until the subscription ends. @param write writes a message as NotificationMessage */
  start(point: PullPoint, consumer: URL, write: (message: Message) => string): void {
    const { log } = this.#deps;
    this.#run(point, consumer, write).catch((err: unknown) => log.error({ err }, 'ONVIF events are not sent'));
  }

  async #run(point: PullPoint, consumer: URL, write: (message: Message) => string): Promise<void> {
    const { points, signal, isPermitted } = this.#deps;
    while (!signal.aborted && points.has(point)) {
      const messages = await points.pull(point, 100, WAIT_MS, signal);
      if (!isPermitted(point)) {
        points.remove(point);
      } else if (messages.length > 0) {
        const body = `<wsnt:Notify>${messages.map(write).join('')}</wsnt:Notify>`;
        await this.#send(point, consumer, replyOf('1.2', body, tag('wsa:Action', NOTIFY)).text);
      }
    }
  }

  /** Sends one request, with further attempts; later messages wait in the subscription. */
  async #send(point: PullPoint, consumer: URL, text: string): Promise<void> {
    const { points, clock, log, signal } = this.#deps;
    for (let failures = 1; !signal.aborted && points.has(point); failures += 1) {
      try {
        await withJoinedSignal([signal], TIMEOUT_MS, (joined) => post(consumer, text, joined.signal));
        return;
      } catch (error) {
        log.debug({ host: consumer.host, reason: explain(error) }, 'ONVIF events not sent');
      }
      // A recorder that comes back subscribes again.
      if (failures >= 6) {
        points.remove(point);
        log.info({ host: consumer.host, path: point.path }, 'a recorder rejects ONVIF events, its subscription ends');
        return;
      }
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

/**
 * URL to which a subscriber wants its events. It has to be at the subscriber's own address, because other hosts may not want them.
 * @param ip address of the subscriber, or undefined if unknown, because of a proxy
 * @throws PerchError a fault
 */
export function consumerOf(text: string | undefined, ip: string | undefined): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.protocol === 'http:' && url.username === '' && url.password === '';
  if (!isPlain || ip === undefined || canonicalIp(url.hostname.replace(/^\[(.*)\]$/, '$1')) !== ip) {
    throw fault('events are sent by http to the IP address of the subscriber only: use a pull point', 'InvalidArgVal');
  }
  return url;
}

async function post(url: URL, body: string, signal: AbortSignal): Promise<void> {
  const headers = { 'Content-Type': `application/soap+xml; charset=utf-8; action="${NOTIFY}"` };
  const response = await sendRequest(url, { method: 'POST', headers, body, signal });
  const { statusCode = 0 } = response;
  // The body of the answer is not read.
  response.destroy();
  if (statusCode < 200 || statusCode >= 300) {
    throw new PerchError('unavailable', `the recorder answers ${statusCode}`);
  }
}
