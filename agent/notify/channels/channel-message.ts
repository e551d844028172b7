import { bodyOf, linkOf, type Notice } from '../rules/notice.ts';
import type { NewChannel } from './channel-fields.ts';

const MAX_TEXT_CHARS = 500;

/** A notice in the words of a channel. */
export interface ChannelMessage extends Notice {
  /** Opens the moment on the page. */
  readonly link: string;
  /** `2026-11-23 19:00:05`, by the box's clock. */
  readonly localTime: string;
  /** JPEG. */
  readonly picture: Uint8Array | undefined;
}

export interface SendOptions {
  readonly signal: AbortSignal;
  /** PEM; default: the known authorities. */
  readonly ca?: string;
  readonly timeoutMs?: number;
  /** Of an e-mail: recipients without the message. Default: all. */
  readonly to?: readonly string[];
}

export function messageOf(
  notice: Notice,
  { language, page }: Pick<NewChannel, 'language' | 'page'>,
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
