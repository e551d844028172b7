import { UsageError } from '../usage-error.ts';

const HEADING = /^## (\S+) \(([^)]+)\)$/m;

/**
 * The section of a version in CHANGELOG.md, without its heading.
 * @param tag of the release; without one the version need not have a date yet
 * @throws UsageError if there is no such section, or the tag belongs to another version
 */
export function releaseNotes(changelog: string, version: string, tag: string | undefined): string {
  if (tag !== undefined && tag !== `v${version}`) {
    throw new UsageError(`the tag ${tag} is not of version ${version} in package.json, whose tag is v${version}`);
  }
  const sections = changelog.split(/^(?=## )/m);
  const section = sections.find((one) => HEADING.exec(one)?.[1] === version);
  if (section === undefined) {
    throw new UsageError(`CHANGELOG.md has no section "## ${version} (DATE)"`);
  }
  const date = HEADING.exec(section)?.[2] ?? '';
  if (tag !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    throw new UsageError(`CHANGELOG.md has "${date}" instead of a date such as 2026-12-24 for version ${version}`);
  }
  return `${section.replace(HEADING, '').trim()}\n`;
}
