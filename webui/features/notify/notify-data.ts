import type { SubscriptionItem } from '../../../agent/features/notify/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { OFFERED_KINDS } from '../../cameras/event-kinds.ts';
import { i18n } from '../../words/i18n.ts';
import { notifyWords } from './words.ts';

/** Texts such as `22:00`; empty while there is none. */
interface Hours {
  readonly from: string;
  readonly to: string;
}
export interface NotifyRule {
  readonly cameras: 'all' | readonly string[];
  readonly kinds: readonly string[];
  readonly hours?: Hours;
}
export interface NotifyChange {
  readonly rules?: readonly NotifyRule[];
  readonly snoozeMinutes?: number;
  readonly buttons?: readonly string[];
  readonly quiet?: { readonly path: string; readonly minutes: number };
}

/** Buttons of messages, in the order of the box. */
export const BUTTONS = ['talk', 'quiet'] as const;

/** The choice after a tap. Of too many the first goes. @param all in their order; others, such as that of a removed rule, do not count */
export function afterTap(chosen: readonly string[], tapped: string, all: readonly string[]): string[] {
  const others = all.filter((one) => one !== tapped && chosen.includes(one));
  // Browsers show no more.
  const now = chosen.includes(tapped) ? others : [...others, tapped].slice(-2);
  return all.filter((one) => now.includes(one));
}
/** Safari shows none. */
export const showsButtons = (): boolean => ((Notification as { maxActions?: number }).maxActions ?? 0) > 0;

/** Kinds of notifications about the box itself, for the owner. */
export const BOX_KINDS = ['disk', 'hardware'] as const;
export const KINDS = [...OFFERED_KINDS, 'offline', ...BOX_KINDS] as const;
export const FIRST_RULE: NotifyRule = { cameras: 'all', kinds: ['person', 'vehicle', 'doorbell', 'offline'] };
export const OWNERS_FIRST_RULE: NotifyRule = { ...FIRST_RULE, kinds: [...FIRST_RULE.kinds, ...BOX_KINDS] };
/** The box has the same limit. */
export const MAX_RULES = 20;
/** Time limit of a test; a mail server may be slow. */
const TEST_MS = 60_000;
export const NIGHT: Hours = { from: '22:00', to: '06:00' };

/** Reports the failure of work, or its end. */
export type Act = (work: () => Promise<unknown>, done?: string) => Promise<void>;

/** Settings of a channel by name; secrets are masked. */
export type ChannelSettings = Readonly<Record<string, string | number | readonly string[]>>;
/** A field of a channel's form, with its label by language. */
export interface FormField {
  readonly name: string;
  readonly label: Readonly<Record<string, string>>;
  readonly form: 'text' | 'number' | 'list' | 'choice' | 'password' | 'template';
  readonly options: readonly string[];
}
export interface Channel {
  readonly id: string;
  readonly problem: string | null;
  readonly name: string;
  readonly settings: ChannelSettings;
  readonly rules: readonly NotifyRule[];
}
/** A channel in the form; without `id` it is not saved yet. */
export interface ChannelDraft extends Omit<Channel, 'id' | 'problem'> {
  readonly id?: string;
  readonly fields: readonly FormField[];
}
/** `/v3/notifications/channels`. */
export interface ChannelList {
  readonly items: readonly Channel[];
  readonly presets: readonly Pick<Channel, 'name' | 'settings'>[];
  readonly kinds: readonly { readonly kind: string; readonly fields: readonly FormField[] }[];
}

/** Value of a typed text. */
export const typedValue = (typed: string, form: FormField['form']): ChannelSettings[string] =>
  form === 'number' ? Number(typed) : form === 'list' ? typed.split(/[\s,;]+/) : typed;

/** Why rules cannot be saved. */
export function rulesFault(rules: readonly NotifyRule[]): string | undefined {
  if (rules.some(({ kinds, cameras }) => kinds.length === 0 || cameras.length === 0)) {
    return notifyWords.peek().none;
  }
  const hasTimes = rules.every(({ hours }) => hours?.from !== '' && hours?.to !== '');
  return hasTimes ? undefined : notifyWords.peek().timeWrong;
}

/** Removes the empty texts of lists, such as those between two commas. */
export const withoutBlanks = (settings: ChannelSettings): ChannelSettings =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, Array.isArray(value) ? value.filter(Boolean) : value]),
  );

/** Address of this page, for links in messages. */
export const pageAddress = (): string => new URL('.', location.href).href;

/** Why this browser cannot be notified, or undefined if it can. */
export type PushObstacle = 'insecure' | 'homeScreen' | 'unsupported' | 'blocked';

export function pushObstacle(): PushObstacle | undefined {
  if (!isSecureContext) {
    return 'insecure';
  }
  if (!('PushManager' in window)) {
    // On these devices Safari has push messages only for installed pages.
    return /iPhone|iPad/.test(navigator.userAgent) || isTouchMac() ? 'homeScreen' : 'unsupported';
  }
  return Notification.permission === 'denied' ? 'blocked' : undefined;
}

/** An iPad calls itself a Mac. */
const isTouchMac = (): boolean => /Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1;

/** The company through which this browser gets messages, or undefined if unknown. */
export function relayOf(userAgent: string): string | undefined {
  const companies = [
    [/\bEdg\//, 'Microsoft'],
    [/\bFirefox\//, 'Mozilla'],
    [/Chrom(?:e|ium)\//, 'Google'],
    [/\bSafari\//, 'Apple'],
  ] as const;
  return companies.find(([pattern]) => pattern.test(userAgent))?.[1];
}

/** The browser has no worker of the page: it does not trust the certificate, although its user went on. */
export class Untrusted extends Error {}

/** @throws Untrusted */
async function registration(): Promise<ServiceWorkerRegistration> {
  const worker = navigator.serviceWorker;
  // Without a worker `ready` never resolves.
  if (!(await worker.getRegistration())) {
    await worker.register('shell-worker.js').catch((cause: unknown) => {
      throw cause instanceof DOMException && cause.name === 'SecurityError'
        ? new Untrusted('no worker', { cause })
        : cause;
    });
  }
  return worker.ready;
}

/** The endpoint of this browser. */
export async function ownEndpoint(): Promise<string | undefined> {
  return pushObstacle() === undefined ? (await ownSubscription())?.endpoint : undefined;
}

async function ownSubscription(): Promise<PushSubscription | null> {
  const known = await navigator.serviceWorker.getRegistration();
  return (await known?.pushManager.getSubscription()) ?? null;
}

/** Asks the person, then registers with the browser's push service. @throws Untrusted, and when either rejects */
export async function subscribe(publicKey: string, rules: readonly NotifyRule[]): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') {
    throw new Error('not granted');
  }
  // A subscription for another key, such as the box's key before it was set up again, cannot be used.
  await (await ownSubscription())?.unsubscribe();
  const { pushManager } = await registration();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
  const { keys } = subscription.toJSON();
  const { p256dh, auth } = { ...keys };
  const body = { endpoint: subscription.endpoint, p256dh, auth, language: languageOfPage() };
  await fetchJson('v3/notifications', { method: 'POST', body: { ...body, rules } });
}

export async function unsubscribe(id: string): Promise<void> {
  await remove(id);
  await (await ownSubscription())?.unsubscribe();
}

export const languageOfPage = (): string => (i18n().language.startsWith('zh') ? 'zh-cn' : 'en');

const BROWSERS = 'v3/notifications';
/** Channels of notifications. */
export const CHANNELS = 'v3/notifications/channels';

export const addressOf = (id: string, list = BROWSERS): string => `${list}/${encodeURIComponent(id)}`;

export const remove = (id: string, list = BROWSERS): Promise<unknown> =>
  fetchJson(addressOf(id, list), { method: 'DELETE' });

export const change = (id: string, body: NotifyChange): Promise<SubscriptionItem> =>
  fetchJson(addressOf(id), { method: 'PATCH', body });

/** @returns what is wrong */
export async function sendTest(address: string): Promise<string | undefined> {
  const { problem } = await fetchJson<{ problem: string | null }>(`${address}/test`, {
    method: 'POST',
    body: {},
    limitMs: TEST_MS,
  });
  return problem ?? undefined;
}

/** Minutes until eight in the morning, at least an hour. */
export function minutesUntilTomorrow(now: Date): number {
  const morning = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 8);
  return Math.max(60, Math.round((morning.getTime() - now.getTime()) / 60_000));
}
