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
  /** `hollow`: without a position. */
  status?: 'missing' | 'constant' | 'hollow';
  /** Spaces beside those of velocities; absolute and field of view when not given. `degrees`: positions in degrees alone. */
  spaces?: readonly ('absolute' | 'degrees' | 'field of view')[];
  /** The node lists velocities alone, the options of the configuration all spaces. */
  hasSpacesInOptions?: boolean;
  /** Ends of the range of the field of view; 1 when not given. */
  fieldOfViewRange?: number | 'infinite';
  /** A vector that names its space is a fault. */
  refusesSpaceNames?: boolean;
  /** AbsoluteMove and RelativeMove without Speed are a fault. */
  wantsMoveSpeed?: boolean;
  presets?: 'none' | number;
  hasNoHome?: boolean;
  /** Operations that the camera does not have, of PTZ and imaging. */
  refusesOperations?: readonly string[];
  /** A move of pan or tilt and zoom together is a fault. */
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
