import { configureGlobal } from 'fast-check';

const FIXED = 20_261_121;
const asked = process.env['MC_TEST_SEED'];

/**
 * Properties are tried with the same values in every run, so that a change fails for what it does and not by chance.
 * `MC_TEST_SEED=random` looks further; a failure prints its seed.
 */
configureGlobal({ seed: asked === 'random' ? Date.now() | 0 : Number(asked ?? FIXED) });
