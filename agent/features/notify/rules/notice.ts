import { EVENT_KINDS, eventKindOf, type KindRow } from '../../../base/event-kinds.ts';

/** The subject of a notification. */
export interface Notice {
  /** Id of the event. */
  readonly id: string;
  /** Path of the camera; empty: the notice is about the box. */
  readonly path: string;
  readonly kind: string;
  /** Start of the event, in Unix milliseconds. */
  readonly startMs: number;
  /** Name of the camera, or of the box. */
  readonly title: string;
  /** Text of the event; empty: none. */
  readonly text: string;
  /** A label was waited for, and the event was not examined in time. */
  readonly isUnexamined?: true;
}

export const LANGUAGES = ['en', 'zh-cn'] as const;
export type Language = (typeof LANGUAGES)[number];

type NoticeRow = Pick<KindRow, 'label' | 'emoji' | 'isUrgent'>;

/** What Perch itself notices. */
const OWN_KINDS: Readonly<Record<string, NoticeRow>> = {
  offline: { label: { en: 'Camera is offline', 'zh-cn': '摄像头离线' }, emoji: 'warning', isUrgent: true },
  disk: { label: { en: 'Storage', 'zh-cn': '存储' }, emoji: 'floppy_disk', isUrgent: true },
  hardware: { label: { en: 'Hardware', 'zh-cn': '硬件' }, isUrgent: true },
  test: { label: { en: 'This is a test.', 'zh-cn': '这是一条测试通知。' } },
};

export const NOTICE_KINDS: ReadonlyMap<string, NoticeRow> = new Map(Object.entries({ ...EVENT_KINDS, ...OWN_KINDS }));

/** The kind by which rules choose an event of this type. */
export function noticeKind(type: string): string {
  const word = type.toLowerCase();
  return word === 'deleted' ? 'disk' : (eventKindOf(word) ?? word);
}

const UNEXAMINED = { en: 'not examined', 'zh-cn': '未识别' } as const;

/** Body of the message, such as `Person`, `Doorbell · Front gate` or `Motion · not examined`. */
export function bodyOf(
  { kind, text, isUnexamined }: Pick<Notice, 'kind' | 'text' | 'isUnexamined'>,
  language: Language,
): string {
  const word = NOTICE_KINDS.get(kind)?.label[language] ?? kind;
  return [word, isUnexamined ? UNEXAMINED[language] : '', text].filter((part) => part !== '').join(' · ');
}

/** URL on the page without its origin: a tap on the notification opens the recordings at the time of the event. */
export function linkOf({ path, kind, startMs }: Pick<Notice, 'path' | 'kind' | 'startMs'>): string {
  if (path === '') {
    return kind === 'hardware' ? '#/settings/system' : '#/settings/storage';
  }
  return kind === 'offline'
    ? `#/live/${encodeURIComponent(path)}`
    : `#/rec/${encodeURIComponent(path)}?t=${new Date(startMs).toISOString()}`;
}
