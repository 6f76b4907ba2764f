// Harper answers 500 to every unmatched URL of the instance when this module fails to load. So it imports nothing
// statically, and whatever goes wrong in here is reported and goes no further.
try {
	const { compose } = await import('./lib/compose.ts');
	await compose();
} catch (error) {
	console.error('harper-custodian could not start; the rest of this Harper is not affected', error);
}
