// Writes down every text that this process sends to PostgreSQL, once, in the folder that WORKS_STATEMENTS names. tools/test.mjs has the processes
// of a run load it: Jest by setupFiles, because it has modules of its own, and whatever the tests start by NODE_OPTIONS.
const { appendFileSync } = require('node:fs');
const { join, relative } = require('node:path');

const folder = process.env.WORKS_STATEMENTS;
if (folder) record(connectionOfPg());

/** Null while nothing is installed yet: such a process talks to no database. */
function connectionOfPg() {
  try {
    return require('pg/lib/connection').prototype;
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

function record(connection) {
  if (connection === null) return;
  const program = relative(join(__dirname, '../..'), process.argv[1] ?? 'node').replace(/[^a-z0-9]+/gi, '-');
  const file = join(folder, `${program}-${process.pid}.jsonl`);
  const seen = new Set();
  // At once and in one write: the process may be killed at any moment.
  const saw = (text) => {
    if (seen.has(text)) return;
    seen.add(text);
    appendFileSync(file, `${JSON.stringify(text)}\n`);
  };
  const { query, parse } = connection;
  connection.query = function (text) {
    saw(text);
    return query.call(this, text);
  };
  connection.parse = function (statement) {
    saw(statement.text);
    return parse.call(this, statement);
  };
}
