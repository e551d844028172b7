import { type RecordingName, RecordPathPattern } from './record-path.ts';

/** Whether a path records, or has recorded, by a template. */
export type HasRecorded = (path: string, template: string) => boolean;

/**
 * Tells whether a file that a template matches is named like a recording of another template's path: a folder of one can lie in that of
 * the other, where `evidence/%path/…` of `door` has the names of `%path/…` of `evidence/door`.
 */
export function templateOverlap(
  template: string,
  templates: readonly string[],
  hasRecorded: HasRecorded,
  zone: string | undefined,
): (file: string, name: RecordingName) => boolean {
  const { folder } = new RecordPathPattern(template, undefined);
  const others = templates
    .filter((other) => other !== template)
    .map((other) => ({ other, pattern: new RecordPathPattern(other, undefined, zone, 'any') }))
    .filter(({ pattern }) => isWithin(pattern.folder, folder) || isWithin(folder, pattern.folder));
  return (file, { path }) =>
    others.some(({ other, pattern }) => {
      const name = pattern.match(file);
      return name !== undefined && name.path !== path && hasRecorded(name.path, other);
    });
}

const isWithin = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}/`);
