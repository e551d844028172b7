import type { HeardRecord, MdnsQuestion, MdnsRecord } from './message.ts';
import { heardAs, isSameName, isSameRecord, isUnique, lackOf } from './records.ts';

interface Answers {
  readonly answers: readonly MdnsRecord[];
  /** Records that the querier will need next. */
  readonly additionals: readonly MdnsRecord[];
}

/**
 * The records that answer questions.
 * @param own records that the box has claimed
 * @param known records that the querier has: omitted if at least half of their TTL is left (RFC 6762 §7.1)
 */
export function answersTo(
  questions: readonly MdnsQuestion[],
  own: readonly MdnsRecord[],
  known: readonly HeardRecord[],
): Answers {
  const found = new Set<MdnsRecord>();
  const lacks: MdnsRecord[] = [];
  for (const { name, type } of questions) {
    const matching = own.filter((record) => isSameName(record.name, name) && (type === 'ANY' || type === record.type));
    for (const record of matching) {
      found.add(record);
    }
    const lack = matching.length === 0 ? lackOf(name, own) : undefined;
    if (lack) {
      lacks.push(lack);
    }
  }
  const isNews = (record: MdnsRecord) => !setOf(record, own).every((one) => isKnown(one, known));
  const answers = [...found, ...lacks].filter(isNews);
  return { answers, additionals: nextOf(answers, own).filter(isNews) };
}

/** A host that flushes a name and type needs all records of them. */
const setOf = (record: MdnsRecord, own: readonly MdnsRecord[]): readonly MdnsRecord[] =>
  isUnique(record) && record.type !== 'NSEC'
    ? own.filter(({ name, type }) => type === record.type && isSameName(name, record.name))
    : [record];

function isKnown(record: MdnsRecord, known: readonly HeardRecord[]): boolean {
  const own = heardAs(record);
  return known.some((one) => one.ttlSeconds >= own.ttlSeconds / 2 && isSameRecord(one, own));
}

/** RFC 6763 §12: a service is followed by its SRV record, that by its addresses. */
function nextOf(answers: readonly MdnsRecord[], own: readonly MdnsRecord[]): MdnsRecord[] {
  const wanted = new Set<MdnsRecord>(answers);
  for (const record of wanted) {
    for (const name of targetsOf(record)) {
      for (const next of own) {
        if (isUnique(next) && isSameName(next.name, name)) {
          // Iteration of a Set includes members that are added meanwhile.
          wanted.add(next);
        }
      }
    }
  }
  return [...wanted].filter((record) => !answers.includes(record));
}

function targetsOf(record: MdnsRecord): string[] {
  if (record.type === 'PTR') {
    return [record.data];
  }
  // The address of the other family saves a query.
  return record.type === 'SRV'
    ? [record.data.target]
    : record.type === 'A' || record.type === 'AAAA'
      ? [record.name]
      : [];
}
