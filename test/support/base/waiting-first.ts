import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites that wait ten seconds and more, for time limits of Perch or for pictures in real time. */
const WAITING = [
  'agent/app/cameras/adoptions',
  'agent/onvif/discovery/found-cameras',
  'system/updater/debian',
  'test/smoke/page-walk',
  'test/smoke/onvif-device',
  'test/smoke/recorded-streams',
  'test/smoke/protocols',
].map((name) => `/${name}.test.ts`);

/** Suites that wait begin first, so that others run meanwhile; then those that took longest, or the largest ones in a fresh clone. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWaiting = ({ moduleId }: TestSpecification): boolean => WAITING.some((name) => moduleId.endsWith(name));
    return [...sorted.filter(isWaiting), ...sorted.filter((file) => !isWaiting(file))];
  }
}
