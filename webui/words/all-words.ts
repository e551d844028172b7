import type { CameraViewWords } from './en/camera-view.ts';
import type { ClipsWords } from './en/clips.ts';
import type { CommonWords } from './en/common.ts';
import type { LiveWords } from './en/live.ts';
import type { ReasonsWords } from './en/reasons.ts';
import type { RecordingsWords } from './en/recordings.ts';
import type { CamerasWords } from './en/settings/cameras.ts';
import type { CopyingWords } from './en/settings/copying.ts';
import type { ForwardsWords } from './en/settings/forwards.ts';
import type { LayoutsWords } from './en/settings/layouts.ts';
import type { LibraryWords } from './en/settings/library.ts';
import type { MasksWords } from './en/settings/masks.ts';
import type { PeopleWords } from './en/settings/people.ts';
import type { SecureWords } from './en/settings/secure.ts';
import type { SourceWords } from './en/settings/sources.ts';
import type { StorageWords } from './en/settings/storage.ts';
import type { SystemWords } from './en/settings/system.ts';
import type { VideoWords } from './en/settings/video.ts';
import type { YouWords } from './en/settings/you.ts';
import type { StartWords } from './en/start.ts';
import type { WallsWords } from './en/walls.ts';

/** Texts by page; `common` is for all pages. */
export interface AllWords {
  readonly common: CommonWords;
  readonly live: LiveWords;
  readonly layouts: LayoutsWords;
  readonly walls: WallsWords;
  readonly cameraView: CameraViewWords;
  readonly reasons: ReasonsWords;
  readonly recordings: RecordingsWords;
  readonly clips: ClipsWords;
  readonly library: LibraryWords;
  readonly start: StartWords;
  readonly cameras: CamerasWords;
  readonly storage: StorageWords;
  readonly copying: CopyingWords;
  readonly system: SystemWords;
  readonly secure: SecureWords;
  readonly people: PeopleWords;
  readonly you: YouWords;
  readonly video: VideoWords;
  readonly forwards: ForwardsWords;
  readonly sources: SourceWords;
  readonly masks: MasksWords;
}

/** Loaded with the settings in other languages. */
export type SettingsPart =
  | 'cameras'
  | 'storage'
  | 'copying'
  | 'system'
  | 'secure'
  | 'people'
  | 'library'
  | 'you'
  | 'layouts'
  | 'video'
  | 'forwards'
  | 'sources'
  | 'masks';
