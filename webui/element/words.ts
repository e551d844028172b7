import type { Codec } from '../player/session/codecs.ts';
import type { PlayError } from '../player/session/live-session.ts';

/** Texts over the picture. */
export interface ElementWords {
  readonly play: string;
  readonly starting: string;
  readonly again: string;
  readonly absent: string;
  readonly refused: string;
  readonly away: string;
  readonly transport: string;
  readonly cannotPlay: (codec: string) => string;
  readonly unknownCodec: string;
}

const en: ElementWords = {
  play: 'Play',
  starting: 'Connecting…',
  again: 'Connection lost. Retrying…',
  absent: 'No video from the camera. Retrying…',
  refused: 'No permission to watch.',
  away: 'No connection to the server. Retrying…',
  transport: 'The network blocks the video. Retrying…',
  cannotPlay: (codec) => `This browser cannot play ${codec}. Try another browser, or set the camera to H.264.`,
  unknownCodec: 'this video format',
};

const zhCn: ElementWords = {
  play: '播放',
  starting: '正在连接…',
  again: '连接已断开，正在重试…',
  absent: '摄像头没有画面，正在重试…',
  refused: '没有观看权限。',
  away: '连不上服务器，正在重试…',
  transport: '网络无法传输画面，正在重试…',
  cannotPlay: (codec) => `此浏览器无法播放摄像头发送的 ${codec}。请换一个浏览器，或把摄像头设为 H.264。`,
  unknownCodec: '这种视频格式',
};

/** @param languages of the page and the browser, in order of preference */
export const wordsFor = (languages: readonly string[]): ElementWords =>
  (languages.find((code) => /^(?:zh|en)\b/i.test(code)) ?? 'en').toLowerCase().startsWith('zh') ? zhCn : en;

export function sentenceOf(words: ElementWords, { kind, codec }: { kind: PlayError['kind']; codec?: Codec }): string {
  return kind === 'codec' ? words.cannotPlay(codec ?? words.unknownCodec) : words[kind];
}
