"""The only place that knows SQL: schema, migrations, transactions and statements."""
