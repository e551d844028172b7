import { email } from './email.ts';
import type { ChannelFields, ChannelKind, ChannelSettings, Sender } from './kind.ts';
import { ntfy } from './ntfy.ts';
import { webHook } from './web-hook.ts';

interface Channel extends ChannelKind {
  /** Loads the code, which a box without such a channel does not need. */
  load(): Promise<Sender>;
}

const channel = <Fields extends ChannelFields>(
  kind: ChannelKind<Fields>,
  load: () => Promise<Sender<Fields>>,
): Channel => ({
  ...kind,
  load,
});

export const CHANNEL_KINDS: readonly Channel[] = [
  channel(email, () => import('./send-email.ts')),
  channel(ntfy, () => import('./send-ntfy.ts')),
  channel(webHook, () => import('./send-web-hook.ts')),
];

/** Presets that the page offers. */
export const PRESETS = CHANNEL_KINDS.flatMap(({ kind, presets }) =>
  presets.map(({ name, settings }) => ({ name, settings: { kind, ...settings } as ChannelSettings })),
);

/** @param settings checked: their kind is known */
export const kindOf = ({ kind }: Pick<ChannelSettings, 'kind'>): Channel =>
  CHANNEL_KINDS.find((one) => one.kind === kind) as Channel;
