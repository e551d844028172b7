import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { bodyOf, linkOf, type Notice } from '../rules/notice.ts';
import type { NoticePictures, Target } from '../rules/target.ts';
import { type Buttons, FAILURES, type ShownButton } from './buttons.ts';
import type { HttpsAnswer, PublicHttps } from './public-https.ts';
import { quietOf } from './push-fields.ts';
import type { PushKey } from './push-key.ts';
import { relayOf } from './relays.ts';
import type { Role, Subscription, Subscriptions } from './subscriptions.ts';

/** Maximum size of the JPEG in a push message. */
export const MAX_THUMBNAIL_BYTES = 2_400;
/** Push services take 4,096 encrypted bytes (RFC 8030 §7.2), of which 86 are the header, and 17 padding and tag. */
const MAX_PAYLOAD_BYTES = 3_900;
const MAX_TEXT_CHARS = 120;

interface PushDeps {
  readonly subscriptions: Subscriptions;
  readonly key: PushKey;
  readonly https: PublicHttps;
  readonly log: Logger;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly buttons: Pick<Buttons, 'of'>;
  mayPlay(user: string, path: string): boolean;
  roleOf(user: string): Role | undefined;
}

/** Web Push: messages to browsers, encrypted for each (RFC 8291). */
export class Push {
  readonly #deps: PushDeps;

  constructor(deps: PushDeps) {
    this.#deps = deps;
  }

  targets(): readonly Target[] {
    const { clock, mayPlay, roleOf, subscriptions } = this.#deps;
    return subscriptions.alive().map((subscription) => ({
      id: subscription.id,
      user: subscription.user,
      isOwner: roleOf(subscription.user) === 'owner',
      rules: subscription.rules,
      snoozedUntil: subscription.snoozedUntil,
      mayKnow: (path) => mayPlay(subscription.user, path),
      isQuiet: (path) => quietOf(subscription, clock.wallMs()).some((one) => one.path === path),
      send: (notice, pictures) => this.send(subscription, notice, pictures),
    }));
  }

  /** @throws PerchError whose message says what is wrong */
  async send(subscription: Subscription, notice: Notice, pictures?: NoticePictures): Promise<void> {
    const [thumbnail, buttons] = await Promise.all([
      pictures?.thumbnail(),
      this.#deps.buttons.of(subscription, notice),
    ]);
    const payload = payloadOf(subscription, notice, buttons, thumbnail);
    // The module is loaded with the first message.
    const { pushRequest } = await import('./push-message.ts');
    const { key, https } = this.#deps;
    const answer = await https.post(await pushRequest(subscription, key, payload));
    if (answer.status === 404 || answer.status === 410) {
      await this.#deps.subscriptions.remove(subscription.id);
    }
    if (answer.status < 200 || answer.status > 299) {
      throw new PerchError('unavailable', faultOf(relayOf(subscription.endpoint), answer));
    }
  }
}

/** Payload of a push message, which the page's service worker shows. */
function payloadOf(
  { language }: Subscription,
  notice: Notice,
  buttons: readonly ShownButton[],
  thumbnail: Uint8Array | undefined,
): string {
  const { id, path, kind, startMs, title } = notice;
  const body = bodyOf({ ...notice, text: cut(notice.text) }, language);
  const more = buttons.length > 0 && { buttons, ...FAILURES[language] };
  const message = { id, path, kind, at: Math.round(startMs), title: cut(title), body, link: linkOf(notice), ...more };
  const full = thumbnail && JSON.stringify({ ...message, picture: Buffer.from(thumbnail).toString('base64') });
  return full !== undefined && Buffer.byteLength(full) <= MAX_PAYLOAD_BYTES ? full : JSON.stringify(message);
}

const cut = (text: string): string => (text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS - 1)}…` : text);

function faultOf(relay: string, { status, text }: HttpsAnswer): string {
  switch (status) {
    case 404:
    case 410:
      return 'the browser has ended this subscription: switch notifications on again there';
    case 400:
    case 401:
    case 403:
      return `${relay} rejects this box's key (${status}): switch notifications off and on again there`;
    case 413:
      return `the message is too large for ${relay}`;
    case 429:
      return `${relay} has received too many messages from this box: wait for an hour`;
    default:
      return `${relay} answers ${status}${status >= 500 ? ', a fault of its own: try again later' : `: ${plain(text)}`}`;
  }
}

const plain = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 100);
