import Type, { type Static, type TSchema, type TString } from 'typebox';
import type { Language } from '../../rules/notice.ts';
import type { ChannelMessage, SendOptions } from '../sending/channel-message.ts';

/** Which part of a text is masked: all of it, what follows the host of a URL, or the values of headers. */
export type SecretPart = 'all' | 'afterHost' | 'headerValues';

interface Shown {
  /** On the page: the same in all languages, or one for each. */
  readonly label: string | Readonly<Record<Language, string>>;
  /** Several lines with placeholders. */
  readonly isTemplate?: boolean;
}

/** Secrets are texts. `none`: the field is shown as it is. */
export type ChannelField = Shown &
  ({ readonly schema: TString; readonly secret: SecretPart } | { readonly schema: TSchema; readonly secret: 'none' });

/** In the order of the page's form. The first is the server, which the page's list shows. */
export type ChannelFields = Readonly<Record<string, ChannelField>>;

export type SettingsOf<Fields extends ChannelFields> = {
  readonly [Name in keyof Fields]: Static<Fields[Name]['schema']>;
};

/** A kind of channel: a file here, one with its code, and a line in `kinds.ts`. */
export interface ChannelKind<Fields extends ChannelFields = ChannelFields> {
  readonly kind: string;
  readonly fields: Fields;
  /** The first token of a service is `{secret}`; texts in capitals are to be replaced. */
  readonly presets: readonly { readonly name: string; readonly settings: SettingsOf<Fields> }[];
  /** Server that the secrets are sent to, with scheme or security: kept secrets go to no other. */
  server(settings: SettingsOf<Fields>): string;
  /** Further texts that no error message may contain. */
  secrets?(settings: SettingsOf<Fields>): readonly string[];
}

/** What a file with the code of a kind exports. */
export interface Sender<Fields extends ChannelFields = ChannelFields> {
  /** @throws PerchError badInput that names the wrong setting */
  check(settings: SettingsOf<Fields>): void;
  /** @throws PerchError that says what is wrong */
  send(settings: SettingsOf<Fields>, message: ChannelMessage, options: SendOptions): Promise<void>;
}

/** Settings of a channel of any kind, checked against its schema. */
export type ChannelSettings = { readonly kind: string } & Readonly<Record<string, string | number | readonly string[]>>;

export const Url = Type.String({
  maxLength: 2_048,
  pattern: '^https?://',
  description: 'Address with http or https. Shown without what follows the host, unless it has `{secret}`.',
});

/** Scheme and authority. */
export const originOf = (url: string): string => /^[a-z]+:\/\/[^/?#{]*/i.exec(url)?.[0].toLowerCase() ?? '';
