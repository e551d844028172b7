export interface PtzQuirks {
  /** `none`: a fixed camera; `serviceOnly`: the service is listed and no profile has it; the default is all three axes. */
  ptz?: 'none' | 'serviceOnly' | 'panTilt' | 'full';
  /** Moves until Stop. */
  ignoresMoveTimeout?: boolean;
  /** Only the time that was given ends a move. */
  ignoresStop?: boolean;
  /** A move with Timeout is a fault. */
  refusesMoveTimeout?: boolean;
  /** A move or a stop that names Zoom is a fault. */
  refusesZoom?: boolean;
  status?: 'missing' | 'constant';
  presets?: 'none' | number;
  hasNoHome?: boolean;
  /** Operations that the camera does not have, of PTZ and imaging. */
  refusesOperations?: readonly string[];
  /** A move of more than one axis is a fault. */
  refusesBothAxes?: boolean;
  /** A new preset needs a token. */
  wantsPresetToken?: boolean;
  /** The name of a preset is a fault. */
  refusesPresetName?: boolean;
  /** GotoPreset without Speed is a fault. */
  wantsPresetSpeed?: boolean;
  /** Settings of the picture that are not asked to be changed are a fault. */
  refusesWholeImaging?: boolean;
}
