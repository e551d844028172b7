import Type, { type Static, type TObject } from 'typebox';
import { LANGUAGES } from '../rules/notice.ts';
import { Rules } from '../rules/rules.ts';

export const SUBSCRIPTIONS_FILE = 'push-subscriptions.json';
export const MAX_SUBSCRIPTIONS = 200;

/** Buttons of each box that a person may choose for their messages, in the order in which they are shown. */
export const BUTTONS = ['talk', 'quiet'] as const;
/** One of them, or the id of an action of a feature, as `Host.actions` has it. */
export const ButtonChoice = Type.String({
  pattern: `^(?:${BUTTONS.join('|')}|[a-z-]{1,15}:.{1,64})$`,
  description: '`talk`, `quiet`, or the id of one of `actions`.',
});

/** What the browser gives the page (RFC 8291 §2), and what the user has chosen. */
export const PUSH_FIELDS = {
  endpoint: Type.String({
    minLength: 1,
    maxLength: 2_048,
    description: 'URL of the browser at its push service, https.',
  }),
  p256dh: Type.String({ pattern: '^[\\w-]{87}$', description: 'Public key of the browser, base64url.' }),
  auth: Type.String({ pattern: '^[\\w-]{22}$', description: 'Secret of the browser, base64url.' }),
  language: Type.Enum([...LANGUAGES]),
  rules: Rules,
  buttons: Type.Optional(
    Type.Array(ButtonChoice, {
      maxItems: 2,
      uniqueItems: true,
      description: 'Of messages about cameras; default: `talk` and `quiet`.',
    }),
  ),
};
export type NewSubscription = Static<TObject<typeof PUSH_FIELDS>>;

/** A user who may see and change only their own subscriptions. */
export interface SubscriptionHolder {
  readonly user: string;
  /** Session of a guest, because several people have the link, or undefined for all browsers of the user. */
  readonly session?: string;
}

interface Quiet {
  /** The camera. */
  readonly path: string;
  /** Unix milliseconds. */
  readonly until: number;
}

/** Cameras whose messages are paused now. */
export const quietOf = ({ quiet = [] }: { readonly quiet?: readonly Quiet[] }, nowMs: number): readonly Quiet[] =>
  quiet.filter(({ until }) => until > nowMs);
