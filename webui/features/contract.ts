import type { FunctionComponent } from 'preact';
import type { Camera } from '../cameras/camera.ts';
import type { SystemFacts } from '../system/system-facts.ts';

/** What a feature shows on the page: a folder of `webui/features`, and a line in `webui/pages/features/table.ts`. */
export interface FeatureEntry {
  readonly name: string;
  readonly pages?: readonly FeaturePage[];
  readonly cameraRows?: readonly CameraRow[];
  /** Rows of the page of the system. */
  readonly systemRows?: readonly FunctionComponent<{ readonly facts: SystemFacts }>[];
}

/** A page below a section of the settings. */
export interface FeaturePage {
  readonly section: 'storage' | 'system';
  /** Last part of its address. */
  readonly part: string;
  /** Its row on the page of the section. @param facts in the section `system` */
  row(facts?: SystemFacts): { readonly title: string; readonly text: string };
  readonly page: FunctionComponent;
}

/** A row of a camera's settings, which opens a sheet of its own. */
export interface CameraRow {
  /** Its `config` has the settings of the path. */
  readonly row: FunctionComponent<{ readonly config: object; readonly onClick: () => void }>;
  readonly sheet: FunctionComponent<CameraSheetProps>;
}

export interface CameraSheetProps {
  /** Name of the path. */
  readonly name: string;
  /** Undefined: the path is not among the cameras, and has no picture. */
  readonly camera: Camera | undefined;
  readonly onClosed: () => void;
}
