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
}

export const LANGUAGES = ['en', 'zh-cn'] as const;
type Language = (typeof LANGUAGES)[number];

/** Types of events that mean the same as another kind. */
const SAME: Readonly<Record<string, string>> = { car: 'vehicle', pet: 'animal', deleted: 'disk' };

/** The kind to which an event's type belongs; rules choose by kind. */
export const kindOf = (type: string): string => SAME[type.toLowerCase()] ?? type.toLowerCase();

const WORDS: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  en: {
    motion: 'Motion',
    person: 'Person',
    face: 'Face',
    vehicle: 'Vehicle',
    animal: 'Animal',
    package: 'Package',
    doorbell: 'Doorbell',
    sound: 'Sound',
    tamper: 'Camera covered or moved',
    input: 'Camera input',
    offline: 'Camera is offline',
    disk: 'Storage',
    hardware: 'Hardware',
    test: 'This is a test.',
  },
  'zh-cn': {
    motion: '移动侦测',
    person: '有人',
    face: '人脸',
    vehicle: '有车',
    animal: '动物',
    package: '包裹',
    doorbell: '门铃',
    sound: '声音',
    tamper: '摄像头被遮挡或移动',
    input: '报警输入',
    offline: '摄像头离线',
    disk: '存储',
    hardware: '硬件',
    test: '这是一条测试通知。',
  },
};

/** Body of the message, such as `Person` or `Doorbell · Front gate`. */
export function bodyOf({ kind, text }: Pick<Notice, 'kind' | 'text'>, language: Language): string {
  const word = WORDS[language][kind] ?? kind;
  return text === '' ? word : `${word} · ${text}`;
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
