import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Person } from '../../../auth/accounts/person.ts';
import { putBounded } from '../../../base/bounded-map.ts';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { documentCarrier } from '../../../base/files/document-carrier.ts';
import { resolvePath } from '../../../config/load/load.ts';
import type { FeatureAction, Host } from '../../contract.ts';
import type { Language, Notice } from '../rules/notice.ts';
import { BUTTONS, type SubscriptionHolder } from './push-fields.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';

const QUIET_MS = 3_600_000;
/** A token is valid for this long, and once. */
const TOKEN_MS = 10 * 60_000;
/** In a token, its id precedes its secret. */
const ID_BYTES = 6;
const SECRET_BYTES = 18;
/** Their list in the database. */
const TOKENS = 'buttons';
/** A check whether the camera has a loudspeaker takes longer the first time; later ones know. */
const CHECK_MS = 3_000;

/** Kinds of buttons; `loud` is that of the answer to `quiet`. Others are ids of actions. */
type ButtonKind = (typeof BUTTONS)[number] | 'loud';

/** A button of a message, as its service worker gets it: it opens `link`, or sends `token` to the box. */
export interface ShownButton {
  readonly title: string;
  readonly link?: string;
  readonly token?: string;
}

/** What has changed, for the message that replaces the one with the button. */
export interface Pressed {
  /** `{time}` stands for `until` in the time zone of the device. */
  readonly text: string;
  /** Unix milliseconds. */
  readonly until?: number;
  readonly undo?: ShownButton;
}

interface Press {
  readonly path: string;
  readonly holder: SubscriptionHolder;
  readonly subscription: Subscription;
  readonly nowMs: number;
}

interface ButtonRow {
  readonly label: Readonly<Record<Language, string>>;
  /** The right to the camera that the person needs when the message is sent, and when the button is pressed. */
  readonly right: 'playback' | 'talk';
  /** Whether the camera has it; absent: each has. */
  isOffered?(path: string): Promise<boolean>;
  /** The address on the page that it opens. Absent: it changes something. */
  link?(path: string): string;
  press?(press: Press): Promise<Pressed>;
}

/** Shown when the box has refused a button, and when it has not answered. */
export const FAILURES: Readonly<Record<Language, { readonly failed: string; readonly unreached: string }>> = {
  en: {
    failed: 'Not done: this button was used before, is too old, or is not for you any more.',
    unreached: 'No answer from the box. Try again.',
  },
  'zh-cn': { failed: '未完成：按钮已用过、已过期，或您已无权使用。', unreached: '连不上主机，请重试。' },
};

type ButtonHost = Pick<Host, 'dataDir' | 'clock' | 'config' | 'paths' | 'accounts' | 'actions'>;

/** Buttons of push messages. */
export class Buttons {
  readonly #rows: Readonly<Record<ButtonKind, ButtonRow>>;
  readonly #tokens: ButtonTokens;
  readonly #host: ButtonHost;
  readonly #subscriptions: Subscriptions;

  constructor(host: ButtonHost, subscriptions: Subscriptions) {
    this.#host = host;
    this.#subscriptions = subscriptions;
    this.#tokens = new ButtonTokens(host);
    this.#rows = {
      talk: {
        label: { en: 'Talk', 'zh-cn': '对讲' },
        right: 'talk',
        isOffered: (path) => this.#canTalk(path),
        link: (path) => `#/live/${encodeURIComponent(path)}?talk`,
      },
      quiet: {
        label: { en: 'Quiet for an hour', 'zh-cn': '暂停一小时' },
        right: 'playback',
        press: async (press) => {
          const until = press.nowMs + QUIET_MS;
          await subscriptions.quieten(press.holder, press.path, until);
          const text = { en: 'Quiet until {time}', 'zh-cn': '暂停至 {time}' }[press.subscription.language];
          return { text, until, undo: await this.#shown('loud', press.subscription, press.path) };
        },
      },
      loud: {
        label: { en: 'Undo', 'zh-cn': '撤销' },
        right: 'playback',
        press: async ({ holder, path, subscription }) => {
          await subscriptions.quieten(holder, path, 0);
          return { text: { en: 'Notifications resumed', 'zh-cn': '已恢复通知' }[subscription.language] };
        },
      },
    };
  }

  /** The buttons of a message about a camera to this browser. With an empty path it is about the box, and has none. */
  async of(
    subscription: Subscription,
    { path, kind: about }: Pick<Notice, 'path' | 'kind'>,
  ): Promise<readonly ShownButton[]> {
    const person = this.#host.accounts.person(subscription.user);
    if (path === '') {
      return [];
    }
    const chosen = BUTTONS.filter((kind) => subscription.buttons?.includes(kind) ?? true)
      // An offline camera has no loudspeaker.
      .filter((kind) => kind !== 'talk' || about !== 'offline');
    const offered = await Promise.all(
      chosen.map(async (kind) => {
        const { right, isOffered } = this.#rows[kind];
        return person?.may(right, path) === true && (await (isOffered?.(path) ?? true));
      }),
    );
    const actions = person
      ? this.#host.actions().filter((one) => subscription.buttons?.includes(one.id) && mayAct(one, person, path))
      : [];
    return Promise.all([
      ...chosen.filter((_, i) => offered[i]).map((kind) => this.#shown(kind, subscription, path)),
      ...actions.map(async ({ id, title }) => ({
        title,
        token: await this.#tokens.issue({ kind: id, path, subscription: subscription.id }),
      })),
    ]);
  }

  /** @param person who presses it, with the present rights @throws PerchError notFound, unauthorized, unavailable */
  async press(
    holder: SubscriptionHolder,
    person: Pick<Person, 'name' | 'role' | 'may'>,
    token: string,
  ): Promise<Pressed> {
    const own = this.#subscriptions.of(holder);
    const grant = await this.#tokens.take(
      token,
      own.map(({ id }) => id),
    );
    const subscription = own.find(({ id }) => id === grant?.subscription);
    if (!grant || !subscription) {
      throw new PerchError('notFound', 'this button was pressed before, or is older than ten minutes');
    }
    const { kind, path } = grant;
    if (!isButtonKind(kind)) {
      return act(
        this.#host.actions().find(({ id }) => id === kind),
        person,
        path,
        subscription.language,
      );
    }
    const { right, press } = this.#rows[kind];
    if (!press || !person.may(right, path)) {
      throw new PerchError('unauthorized', 'no permission for this camera', { path });
    }
    return press({ path, holder, subscription, nowMs: Math.round(this.#host.clock.wallMs()) });
  }

  async #shown(kind: ButtonKind, { id, language }: Subscription, path: string): Promise<ShownButton> {
    const { label, link } = this.#rows[kind];
    const title = label[language];
    return link
      ? { title, link: link(path) }
      : { title, token: await this.#tokens.issue({ kind, path, subscription: id }) };
  }

  /** Whether the page can talk through the camera, which is asked if it is not known. */
  async #canTalk(path: string): Promise<boolean> {
    const { clock, config, paths } = this.#host;
    const isServed = config().webrtc && resolvePath(config(), path)?.settings?.webrtc !== false;
    const state = paths.find(path)?.talk;
    if (!isServed || state !== 'unknown') {
      return isServed && state === 'yes';
    }
    const over = new AbortController();
    const asked = paths.mayTalk(path).then(
      () => true,
      () => false,
    );
    const answer = await Promise.race([asked, clock.sleep(CHECK_MS, over.signal).then(() => false)]);
    over.abort();
    return answer;
  }
}

const isButtonKind = (kind: string): kind is ButtonKind =>
  kind === 'loud' || (BUTTONS as readonly string[]).includes(kind);

/** Whether the person may do it, and still see the camera of the message with the button. */
const mayAct = (action: FeatureAction, person: Pick<Person, 'role' | 'may'>, path: string): boolean =>
  (person.may('playback', path) || person.may('read', path)) && action.isFor(person);

/** @throws PerchError notFound, unauthorized */
async function act(
  action: FeatureAction | undefined,
  person: Pick<Person, 'name' | 'role' | 'may'>,
  path: string,
  language: Language,
): Promise<Pressed> {
  if (!action) {
    throw new PerchError('notFound', 'what this button did does not exist any more');
  }
  if (!mayAct(action, person, path)) {
    throw new PerchError('unauthorized', 'no permission for what this button does');
  }
  const result = await action.run(person.name).catch((error: unknown) => {
    rethrowUnexpected(error);
    return { problem: explain(error), isAtWork: false };
  });
  const { title } = action;
  const { problem = null, isAtWork } = result;
  if (problem === null) {
    const what = isAtWork ? { en: 'started', 'zh-cn': '已开始' } : { en: 'done', 'zh-cn': '已执行' };
    return { text: { en: `${title}: ${what.en}`, 'zh-cn': `${title}：${what['zh-cn']}` }[language] };
  }
  // Others than the owner do not see the addresses in it.
  const why = person.role === 'owner' ? { en: `: ${problem}`, 'zh-cn': `：${problem}` } : { en: '', 'zh-cn': '' };
  return { text: { en: `${title}: not done${why.en}`, 'zh-cn': `${title}：未完成${why['zh-cn']}` }[language] };
}

const Grant = Type.Object({
  /** A `ButtonKind`, or the id of an action. */
  kind: Type.String(),
  path: Type.String(),
  /** Id of the subscription whose browser got the token. */
  subscription: Type.String(),
});
type Grant = Static<typeof Grant>;
interface Issued extends Grant {
  readonly secret: Buffer;
  readonly sinceMs: number;
  /** The database has it, too: another server may have taken it. */
  isShared: boolean;
}

/** Tokens of buttons, in memory, and in the database that servers share. Without one, those from before a restart of Perch are invalid. */
export class ButtonTokens {
  readonly #host: Pick<Host, 'dataDir' | 'clock'>;
  /** By their id, oldest first. */
  readonly #issued = new Map<string, Issued>();
  /** Monotonic time when old ones were last removed from the database. */
  #removedMs = Number.NEGATIVE_INFINITY;

  constructor(host: Pick<Host, 'dataDir' | 'clock'>) {
    this.#host = host;
  }

  async issue(grant: Grant): Promise<string> {
    const { clock, dataDir } = this.#host;
    const id = randomBytes(ID_BYTES).toString('base64url');
    const secret = randomBytes(SECRET_BYTES);
    const token = id + secret.toString('base64url');
    const issued = { ...grant, secret, sinceMs: clock.monoMs(), isShared: false };
    this.#dropOld();
    // Each of 200 browsers gets at most 40 messages in ten minutes, with two buttons each.
    putBounded(this.#issued, id, issued, 16_000);
    const row = { id: rowId(token, grant.subscription), json: JSON.stringify(grant), atMs: clock.wallMs() + TOKEN_MS };
    try {
      await documentCarrier(dataDir)?.putRows(TOKENS, [row]);
      issued.isShared = documentCarrier(dataDir) !== undefined;
      if (issued.isShared && clock.monoMs() - this.#removedMs > TOKEN_MS) {
        this.#removedMs = clock.monoMs();
        await documentCarrier(dataDir)?.removeRows(TOKENS, clock.wallMs());
      }
    } catch {
      // The button works at this server.
    }
    return token;
  }

  /** What the token permits, once, at any server. @param own ids of the person's subscriptions @throws PerchError unavailable */
  async take(token: string, own: readonly string[]): Promise<Grant | undefined> {
    const { clock, dataDir } = this.#host;
    const issued = this.#takeIssued(token, own);
    const carrier = documentCarrier(dataDir);
    if (!carrier || (issued && !issued.isShared)) {
      return issued;
    }
    const ids = own.map((subscription) => rowId(token, subscription));
    try {
      const taken = await carrier.takeRow(TOKENS, ids, clock.wallMs());
      return Check(Grant, taken) ? taken : undefined;
    } catch (error) {
      const message = 'the database is away, which has the buttons of other servers: press it again later';
      return issued ?? Promise.reject(new PerchError('unavailable', message, {}, error));
    }
  }

  #takeIssued(token: string, own: readonly string[]): Issued | undefined {
    this.#dropOld();
    const idChars = (ID_BYTES * 4) / 3;
    const id = token.slice(0, idChars);
    const given = Buffer.from(token.slice(idChars), 'base64url');
    const issued = this.#issued.get(id);
    const isValid = issued && given.length === SECRET_BYTES && timingSafeEqual(given, issued.secret);
    if (!isValid || !own.includes(issued.subscription)) {
      return undefined;
    }
    this.#issued.delete(id);
    return issued;
  }

  #dropOld(): void {
    const nowMs = this.#host.clock.monoMs();
    for (const [id, { sinceMs }] of this.#issued) {
      if (nowMs - sinceMs < TOKEN_MS) {
        return;
      }
      this.#issued.delete(id);
    }
  }
}

/** A hash, so that the database does not contain the token. */
const rowId = (token: string, subscription: string): string =>
  createHash('sha256').update(`${token} ${subscription}`).digest('base64url');
