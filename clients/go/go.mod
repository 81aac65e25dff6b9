module readygate

go 1.19
