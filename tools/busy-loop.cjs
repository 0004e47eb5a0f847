// Wants a whole core, as a neighbour on a busy machine does. Looks up between two turns, so that it ends with whoever started it, however that ended.
process.on('disconnect', () => process.exit());

function spin() {
  for (const until = Date.now() + 50; Date.now() < until;);
  setImmediate(spin);
}

spin();
