import { bodyOf, type Language, linkOf, type Notice } from '../../rules/notice.ts';

const MAX_TEXT_CHARS = 500;

/** A notice as a channel sends it, in the language of the channel. */
export interface ChannelMessage extends Notice {
  /** URL that opens the moment of the event on the page. */
  readonly link: string;
  /** Time of the event in the box's time zone, `2026-11-23 19:00:05`. */
  readonly localTime: string;
  /** Picture as JPEG. */
  readonly picture: Uint8Array | undefined;
}

export interface SendOptions {
  readonly signal: AbortSignal;
  /** CA certificates in PEM; default: the well-known authorities. */
  readonly ca?: string;
  readonly timeoutMs?: number;
  /** Recipients of an e-mail who do not have the message yet. Default: all. */
  readonly to?: readonly string[];
}

export function messageOf(
  notice: Notice,
  { language, page }: { readonly language: Language; readonly page: string },
  localTime: string,
  picture: Uint8Array | undefined,
): ChannelMessage {
  const { id, path, kind, startMs, title } = notice;
  const text = bodyOf(notice, language).slice(0, MAX_TEXT_CHARS);
  return {
    id,
    path,
    kind,
    startMs: Math.round(startMs),
    text,
    localTime,
    picture,
    title: title.slice(0, MAX_TEXT_CHARS),
    link: page + linkOf(notice),
  };
}
