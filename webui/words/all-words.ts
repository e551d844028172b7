import type { ArchiveWords } from './en/archive.ts';
import type { CameraViewWords } from './en/camera-view.ts';
import type { CamerasWords } from './en/cameras.ts';
import type { ClipsWords } from './en/clips.ts';
import type { CommonWords } from './en/common.ts';
import type { ForwardsWords } from './en/forwards.ts';
import type { LayoutsWords } from './en/layouts.ts';
import type { LibraryWords } from './en/library.ts';
import type { LiveWords } from './en/live.ts';
import type { MasksWords } from './en/masks.ts';
import type { ModesWords } from './en/modes.ts';
import type { MqttWords } from './en/mqtt.ts';
import type { NotifyWords } from './en/notify.ts';
import type { PeopleWords } from './en/people.ts';
import type { ReasonsWords } from './en/reasons.ts';
import type { RecordingsWords } from './en/recordings.ts';
import type { SecureWords } from './en/secure.ts';
import type { SourceWords } from './en/sources.ts';
import type { StartWords } from './en/start.ts';
import type { StorageWords } from './en/storage.ts';
import type { SystemWords } from './en/system.ts';
import type { VideoWords } from './en/video.ts';
import type { WallsWords } from './en/walls.ts';
import type { YouWords } from './en/you.ts';

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
  readonly archive: ArchiveWords;
  readonly system: SystemWords;
  readonly secure: SecureWords;
  readonly modes: ModesWords;
  readonly people: PeopleWords;
  readonly notify: NotifyWords;
  readonly you: YouWords;
  readonly video: VideoWords;
  readonly forwards: ForwardsWords;
  readonly sources: SourceWords;
  readonly masks: MasksWords;
  readonly mqtt: MqttWords;
}

/** Loaded with the settings in other languages. */
export type SettingsPart =
  | 'cameras'
  | 'storage'
  | 'archive'
  | 'system'
  | 'secure'
  | 'modes'
  | 'people'
  | 'notify'
  | 'library'
  | 'you'
  | 'layouts'
  | 'video'
  | 'forwards'
  | 'sources'
  | 'masks'
  | 'mqtt';
