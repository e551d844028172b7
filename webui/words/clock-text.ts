import { clock } from './format.ts';

/** @param time `14:02`, as the box and time fields have it */
export const clockOf = (time: string, language: string): string => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return clock(new Date(2026, 0, 1, hours, minutes).getTime(), language);
};

/** The keyboard of phones for times: digits are enough without `am` and `pm`. */
export const clockKeys = (language: string): 'text' | 'numeric' =>
  clockOf('13:00', language).startsWith('13') ? 'numeric' : 'text';

/** `22:30` from `22:30`, `2230`, `10.30 pm` or `下午 10:30`; undefined for any other text. */
export function parseClock(text: string): string | undefined {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s.]/g, (one) => (one === '.' ? ':' : ''));
  const half = /^(上午|下午)|([ap]):?m:?$/.exec(plain);
  const digits = plain.replace(half?.[0] ?? '', '');
  const [, hourText, minuteText = '0'] = /^(\d{1,2})(?::?(\d\d))?$/.exec(digits) ?? [];
  const [hour, minute] = [Number(hourText), Number(minuteText)];
  const isLate = half?.[1] === '下午' || half?.[2] === 'p';
  if (hourText === undefined || minute > 59 || hour > 23 || (half && (hour === 0 || hour > 12))) {
    return undefined;
  }
  const whole = half ? (hour % 12) + (isLate ? 12 : 0) : hour;
  return [whole, minute].map((part) => String(part).padStart(2, '0')).join(':');
}
