import type { FunctionComponent } from 'preact';
import type { Camera } from '../cameras/camera.ts';
import type { SettingsSection } from '../shell/route.ts';
import type { SystemFacts } from '../system/system-facts.ts';
import type { IconName } from '../ui/icons/icon.tsx';
import type { LazyPage } from '../ui/lazy/lazy-page.tsx';

/** What a feature shows on the page: a folder of `webui/features`, and a line in `webui/pages/features/table.ts`. */
export interface FeatureEntry {
  readonly name: string;
  readonly section?: FeatureSection;
  readonly pages?: readonly FeaturePage[];
  readonly cards?: readonly FeatureCard[];
  readonly cameraRows?: readonly CameraRow[];
  /** Rows of the page of the system. */
  readonly systemRows?: readonly FunctionComponent<{ readonly facts: SystemFacts }>[];
}

/** A section of the settings, for the owner. */
export interface FeatureSection {
  /** Name in its address. */
  readonly name: string;
  /** The section that follows it in the list. */
  readonly before: SettingsSection;
  readonly icon: IconName;
  title(): string;
  readonly page: LazyPage;
}

/** A page below a section of the settings. */
export interface FeaturePage {
  readonly section: SettingsSection;
  /** Last part of its address. */
  readonly part: string;
  /** Its row on the page of the section. @param facts in the section `system` */
  row(facts?: SystemFacts): { readonly icon?: IconName; readonly title: string; readonly text: string };
  readonly page: FunctionComponent;
}

/** A row of a camera's settings, which opens a sheet of its own. */
export interface CameraRow {
  /** Its `config` has the settings of the path. */
  readonly row: FunctionComponent<CameraRowProps>;
  readonly sheet: FunctionComponent<CameraSheetProps>;
}

interface CameraRowProps {
  /** Of the path. */
  readonly name: string;
  readonly config: object;
  /** The camera has PTZ. */
  readonly canTurn: boolean;
  readonly onClick: () => void;
}

export interface CameraSheetProps {
  /** Name of the path. */
  readonly name: string;
  /** Undefined: the path is not among the cameras, and has no picture. */
  readonly camera: Camera | undefined;
  readonly onClosed: () => void;
}

/** A part of another page of the settings: `you` are the own settings of each user. */
export interface FeatureCard {
  readonly at: 'you';
  readonly part: FunctionComponent;
}

/** What pages outside the settings show of a feature. The first load has it, so its code is loaded when it is shown. */
export interface FeatureParts {
  /** Sheet in which users choose their notifications. */
  readonly notifySheet?: FunctionComponent<{ readonly onClosed: () => void }>;
  /** Above the grid of cameras, for the owner. */
  readonly liveButton?: FunctionComponent;
  /** Where the owner changes what makes a camera private. */
  readonly privacyLink?: FunctionComponent;
  /** What can be done with found cameras that another Perch offers. */
  readonly offeredCameras?: FunctionComponent;
  /** Where the owner of a server sets it up, in place of the search for cameras. */
  readonly serverLink?: FunctionComponent<ServerLinkProps>;
  /** Address of the page to which it leads. */
  readonly serverPage?: string;
  /** A button on the picture of a recording. */
  readonly recordedTool?: FunctionComponent<RecordedToolProps>;
}

export interface ServerLinkProps {
  /** No camera of a box is there yet. */
  readonly isEmpty: boolean;
}

export interface RecordedToolProps {
  /** Path of the camera. */
  readonly name: string;
  /** Plays from a moment, Unix milliseconds. */
  readonly onGo: (ms: number) => void;
}
